package verify

var podChecks = []Check{}
