package verify

var accessChecks = []Check{}
