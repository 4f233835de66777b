package verify

var brokenCertificate = map[string]breaks{}
