package aws

// Region is one of AWS's.
type Region struct {
	// Name is what --region takes, Place where it is.
	Name, Place string
}

// Regions returns the regions of all partitions that anybody can have an account in
// (docs.aws.amazon.com/global-infrastructure, "AWS Regions"). It is for suggestions alone: AWS opens new ones,
// and a name that is not here is good as well.
func Regions() []Region {
	return []Region{
		{"af-south-1", "Cape Town"},
		{"ap-east-1", "Hong Kong"},
		{"ap-east-2", "Taipei"},
		{"ap-northeast-1", "Tokyo"},
		{"ap-northeast-2", "Seoul"},
		{"ap-northeast-3", "Osaka"},
		{"ap-south-1", "Mumbai"},
		{"ap-south-2", "Hyderabad"},
		{"ap-southeast-1", "Singapore"},
		{"ap-southeast-2", "Sydney"},
		{"ap-southeast-3", "Jakarta"},
		{"ap-southeast-4", "Melbourne"},
		{"ap-southeast-5", "Malaysia"},
		{"ap-southeast-6", "New Zealand"},
		{"ap-southeast-7", "Thailand"},
		{"ca-central-1", "Canada"},
		{"ca-west-1", "Calgary"},
		{"cn-north-1", "Beijing"},
		{"cn-northwest-1", "Ningxia"},
		{"eu-central-1", "Frankfurt"},
		{"eu-central-2", "Zurich"},
		{"eu-north-1", "Stockholm"},
		{"eu-south-1", "Milan"},
		{"eu-south-2", "Spain"},
		{"eu-west-1", "Ireland"},
		{"eu-west-2", "London"},
		{"eu-west-3", "Paris"},
		{"il-central-1", "Tel Aviv"},
		{"me-central-1", "UAE"},
		{"me-south-1", "Bahrain"},
		{"mx-central-1", "Mexico"},
		{"sa-east-1", "Sao Paulo"},
		{"us-east-1", "Virginia"},
		{"us-east-2", "Ohio"},
		{"us-gov-east-1", "GovCloud, Ohio"},
		{"us-gov-west-1", "GovCloud, Oregon"},
		{"us-west-1", "California"},
		{"us-west-2", "Oregon"},
	}
}
