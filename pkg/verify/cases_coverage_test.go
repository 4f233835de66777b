package verify

var brokenCoverage = map[string]breaks{}
