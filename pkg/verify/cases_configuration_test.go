package verify

var brokenConfiguration = map[string]breaks{}
