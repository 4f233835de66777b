package verify

var sensorChecks = []Check{}
