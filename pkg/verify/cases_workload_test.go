package verify

var brokenWorkload = map[string]breaks{}
