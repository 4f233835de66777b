package verify

var brokenSensor = map[string]breaks{}
