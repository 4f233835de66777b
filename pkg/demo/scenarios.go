package demo

import (
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The images of the scenarios. The last two are the vendor's, public and for demonstrations.
const (
	shellImage     = "ubuntu:latest"
	detectionImage = "quay.io/crowdstrike/detection-container:latest"
	vulnappImage   = "quay.io/crowdstrike/vulnapp:latest"
)

// Default is the guide's scenario.
const Default = "detection-single"

// Scenario is something that the sensor detects.
type Scenario struct {
	Name string `json:"name"`
	// Does says what its command does, Detection which alert is expected, Severity how the vendor rates it.
	Does      string `json:"does"`
	Detection string `json:"detection"`
	Severity  string `json:"severity"`
	// Network is what it reaches outside its container; empty if nothing.
	Network string `json:"network"`
	// Fargate says that AWS EKS Fargate takes the pod.
	Fargate bool `json:"fargate"`
	// Seen says that its detection came in the one public test of all scenarios that is known. Of the others
	// the vendor says that it comes.
	Seen  bool   `json:"seen"`
	Image string `json:"image"`

	// run is what bash is given; empty for the image's own start.
	run string
	// signs are words of the expected alert, in lower case.
	signs []string
	// port is where it listens for whoever tries it by hand.
	port int32
}

// scenarios are those that can run without anything outside their pod, and one whose network is DNS alone.
// What the vendor's others need is said in docs/demo.md. They run their scripts directly: the entrypoint of
// the image would also start a web server with a hole in it.
var scenarios = []Scenario{
	{Name: Default, Does: "names the file of a rootkit's installation in a command", Detection: "the pattern of the Jynx rootkit",
		Severity: "Critical", Fargate: true, Seen: true, Image: shellImage,
		run: "chgrp 0 /etc/ld.so.preload; tail -f /dev/null", signs: []string{"ld.so.preload", "rootkit", "jynx"}},
	{Name: "rootkit", Does: "makes the file by which a rootkit gets into every program", Detection: "the pattern of the Jynx rootkit",
		Severity: "Critical", Fargate: true, Seen: true, Image: detectionImage,
		run: script("Defense_Evasion_via_Rootkit.sh"), signs: []string{"ld.so.preload", "rootkit", "jynx"}},
	{Name: "collection", Does: "collects the root accounts of /etc/passwd in a file", Detection: "CollectionLin",
		Severity: "High", Fargate: true, Seen: true, Image: detectionImage,
		run: script("Collection_via_Automated_Collection.sh"), signs: []string{"collection", "/etc/passwd"}},
	{Name: "credentials", Does: "looks for passwords in the memory of its own processes", Detection: "CredentialAccessLin",
		Severity: "High", Fargate: true, Seen: true, Image: detectionImage,
		run: script("Credential_Access_via_Credential_Dumping.sh"), signs: []string{"credential", "mimipenguin"}},
	{Name: "commands", Does: "runs a shell command as an intruder's tool would", Detection: "ExecutionLin",
		Severity: "High", Fargate: true, Seen: true, Image: detectionImage,
		run: script("Execution_via_Command-Line_Interface.sh"), signs: []string{"executionlin", "whoami", "command-line", "command and scripting"}},
	{Name: "drift", Does: "makes a new program in the container and runs it", Detection: "container drift",
		Severity: "Medium", Fargate: true, Image: detectionImage,
		run: script("ContainerDrift_Via_File_Creation_and_Execution.sh"), signs: []string{"drift", "/bin/id2"}},
	{Name: "ransomware", Does: "renames a file of its own as ransomware does", Detection: "data encrypted for impact",
		Severity: "High", Fargate: true, Image: detectionImage,
		run: script("Impact_via_Data_Encrypted_for_Impact.sh"), signs: []string{"lockbit", "ransom", "encrypted for impact"}},
	{Name: "dns-exfiltration", Does: "sends pieces of an empty archive as DNS names", Detection: "ExfilViaDNSRequest",
		Severity: "High", Network: "DNS", Fargate: true, Seen: true, Image: detectionImage,
		run: script("Exfiltration_via_Exfiltration_Over_Alternative_Protocol.sh"), signs: []string{"exfil", "dig "}},
	{Name: "vulnapp", Does: "serves a page whose buttons run attacks, for you to press", Detection: "that of the button",
		Severity: "-", Network: "by button", Fargate: true, Image: vulnappImage, port: 8080},
}

// script runs one of the vendor's scripts, and then waits so that the pod stays.
func script(name string) string { return "cd /home/eval; ./bin/" + name + "; tail -f /dev/null" }

// Scenarios returns all scenarios, the guide's first.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

func scenarioNames() (all []string) {
	for _, s := range scenarios {
		all = append(all, s.Name)
	}
	return all
}

// Chosen returns the scenarios of these names. Those that reach out of their pod need network to be allowed.
func Chosen(names []string, network bool) ([]Scenario, error) {
	var chosen []Scenario
	for _, name := range names {
		n := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
		switch {
		case n < 0:
			next := problem.DidYouMean("", name, scenarioNames())
			if next == "" {
				next = "kubectl falcon demo list shows which there are"
			}
			return nil, problem.New(problem.BadInput, next, "there is no scenario %q", name)
		case slices.ContainsFunc(chosen, func(s Scenario) bool { return s.Name == name }):
			return nil, problem.New(problem.BadInput, "name it once", "the scenario %q is named twice", name)
		case scenarios[n].Network != "" && !network:
			return nil, problem.New(problem.BadInput, "add --allow-network if that may be",
				"the scenario %q reaches out of its pod (%s)", name, scenarios[n].Network)
		}
		chosen = append(chosen, scenarios[n])
	}
	return chosen, nil
}

// Expects says whether an alert is the one that the scenario leads to, by any of its words.
func (s *Scenario) Expects(a *falcon.Alert) bool {
	text := strings.ToLower(strings.Join([]string{a.Name, a.DisplayName, a.Description, a.Tactic, a.Technique, a.CommandLine, a.FileName}, "\n"))
	return slices.ContainsFunc(s.signs, func(sign string) bool { return strings.Contains(text, sign) })
}

// ByHand says that the scenario does nothing until somebody uses it.
func (s *Scenario) ByHand() bool { return s.port > 0 }

// Port is where such a scenario listens in its pod.
func (s *Scenario) Port() int32 { return s.port }
