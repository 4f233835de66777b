package verify

var brokenAccess = map[string]breaks{}
