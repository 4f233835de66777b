package verify

var coverageChecks = []Check{
	{
		ID: "FC601", Title: "which namespaces are in scope", Severity: Info, Needs: []string{listWebhooks, listNamespaces},
		Judge: judgeScope,
	},
	{
		ID: "FC602", Title: "no namespace has opted out but those that may", Severity: Warning, Needs: []string{listWebhooks, listNamespaces},
		Judge: judgeOptedOut,
	},
	{
		ID: "FC603", Title: "every mark has a value that is read", Severity: Warning, Needs: []string{listWebhooks, listNamespaces, listPods},
		Hint:  "use enabled or disabled",
		Judge: judgeMarkValues,
	},
	{
		ID: "FC604", Title: "pod security admits the sensor", Severity: Error, Needs: []string{listWebhooks, listNamespaces},
		Hint:  "let the namespace run privileged pods, or leave it out of the injector's scope",
		Judge: judgePodSecurity,
	},
	{
		ID: "FC605", Title: "pod security neither warns of the sensor nor audits it", Severity: Warning, Needs: []string{listWebhooks, listNamespaces},
		Hint:  "label the namespace privileged for this mode too, or live with the noise",
		Judge: judgePodSecurityNoise,
	},
	{
		ID: "FC606", Title: "a new pod gets the sensor, proved in each namespace", Severity: Error, Part: canaryPart,
		Needs: []string{listWebhooks, listNamespaces},
		Judge: judgeInjected,
	},
	{
		ID: "FC607", Title: "the API server's answer about a new pod is clear", Severity: Error, Part: canaryPart,
		Needs: []string{listWebhooks, listNamespaces},
		Judge: judgeAnswered,
	},
	{
		ID: "FC608", Title: "no new pod starts without the sensor that it should have", Severity: Error, Part: canaryPart,
		Needs: []string{listWebhooks, listNamespaces},
		Judge: judgePlainPods,
	},
	{
		ID: "FC609", Title: "the injector answers quickly", Severity: Warning, Part: canaryPart, Needs: []string{listWebhooks, listNamespaces},
		Hint:  "give the injector more CPU, or look at the network between it and the API server",
		Judge: judgeQuick,
	},
	{
		ID: "FC610", Title: "every mark is where it is read", Severity: Warning, Needs: []string{listWebhooks, listNamespaces, listPods},
		Judge: judgeMarkPlaces,
	},
	{
		ID: "FC611", Title: "quotas admit a pod with the sensor", Severity: Error, Needs: []string{listWebhooks, listNamespaces, listQuotas},
		Hint:  "raise the quota, or give the sensor the resources that the quota asks for with the tool that manages the injector (FC203)",
		Judge: judgeQuotas,
	},
	{
		ID: "FC612", Title: "what is read from the webhook here agrees with the server", Severity: Warning, Part: canaryPart,
		Needs: []string{listWebhooks, listNamespaces},
		Hint:  "believe the server, and report it as a fault of this tool",
		Judge: judgeAgreement,
	},
	{
		ID: "FC613", Title: "the injector can look up every image in use", Severity: Error, Part: deepPart,
		Needs: []string{listWebhooks, listNamespaces, listPods, createPods},
		Hint:  "give the injector a way to the image's registry and credentials for it, or set the container's command in the pod",
		Judge: judgeImageTrials,
	},
}
