package verify

var brokenWebhook = map[string]breaks{}
