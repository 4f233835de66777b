package verify

var certificateChecks = []Check{}
