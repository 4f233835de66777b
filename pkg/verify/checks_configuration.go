package verify

var configurationChecks = []Check{}
