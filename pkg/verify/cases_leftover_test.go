package verify

var brokenLeftover = map[string]breaks{}
