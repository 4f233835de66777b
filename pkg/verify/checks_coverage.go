package verify

var coverageChecks = []Check{}
