package verify

var workloadChecks = []Check{}
