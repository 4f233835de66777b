package verify

var leftoverChecks = []Check{}
