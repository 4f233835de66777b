package verify

var webhookChecks = []Check{}
