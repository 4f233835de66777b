package verify

var brokenPod = map[string]breaks{}
