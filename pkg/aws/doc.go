// Package aws is how this program gets at an AWS account: its configuration and credentials, what AWS answers
// in one form for users, what we call ours there, and plans of what would be called.
//
// What is done in the account is in the packages below it, one for each job. None of them may show a
// credential, ask for anything that a plan does not name, change what was not made by us unless it is named,
// or read an environment variable: the SDK's loader does that, by the rules that all AWS tools share
// (docs.aws.amazon.com/sdkref, "Configuration settings reference").
package aws
