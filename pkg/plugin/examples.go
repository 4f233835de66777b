package plugin

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are what the help of each command shows, by what stands behind the program's name: three or more,
// the plainest first. They stand together here so that they tell one story: the cluster shop in eu-west-1.
var examples = map[string]string{
	"completion": `kubectl falcon completion install
kubectl falcon completion uninstall
kubectl falcon completion bash > ~/.falcon-completion.bash`,
	"completion bash": `kubectl falcon completion bash
kubectl falcon completion bash > ~/.falcon-completion.bash
kubectl falcon completion bash > falcon.bash`,
	"completion fish": `kubectl falcon completion fish
kubectl falcon completion fish | source
kubectl falcon completion fish > falcon.fish`,
	"completion install": `kubectl falcon completion install
kubectl falcon completion install --dir ~/.local/bin
kubectl falcon completion install --dir /usr/local/bin`,
	"completion powershell": `kubectl falcon completion powershell
kubectl falcon completion powershell > falcon.ps1
kubectl falcon completion powershell | Out-String | Invoke-Expression`,
	"completion uninstall": `kubectl falcon completion uninstall
kubectl falcon completion uninstall --dir ~/.local/bin
kubectl falcon completion uninstall --dir /usr/local/bin`,
	"completion zsh": `kubectl falcon completion zsh
kubectl falcon completion zsh > ~/.falcon-completion.zsh
kubectl falcon completion zsh > falcon.zsh`,
	"k9s": `kubectl falcon k9s install
kubectl falcon k9s print
kubectl falcon k9s uninstall`,
	"k9s install": `kubectl falcon k9s install
kubectl falcon k9s install --file plugins.yaml
kubectl falcon k9s install --file ~/.config/k9s/plugins.yaml`,
	"k9s print": `kubectl falcon k9s print
kubectl falcon k9s print > plugins.yaml
kubectl falcon k9s print | diff plugins.yaml -`,
	"k9s uninstall": `kubectl falcon k9s uninstall
kubectl falcon k9s uninstall --file plugins.yaml
kubectl falcon k9s uninstall --file ~/.config/k9s/plugins.yaml`,
	"aid": `kubectl falcon aid web-767cd557b-267zg --wait
kubectl falcon aid deploy/web sts/db -n shop --details
kubectl falcon aid -A --per-workload -o json
kubectl get pods -l app=web -o name | kubectl falcon aid -`,
	"aws": `kubectl falcon aws cluster check shop --region eu-west-1
kubectl falcon aws ecr ensure falcon-sensor
kubectl falcon aws fargate coverage`,
	"aws cluster": `kubectl falcon aws cluster create shop --region eu-west-1
kubectl falcon aws cluster check shop
kubectl falcon aws cluster kubeconfig shop --region eu-west-1`,
	"aws cluster check": `kubectl falcon aws cluster check
kubectl falcon aws cluster check shop --region eu-west-1
kubectl falcon aws cluster check shop --profile audit -o json`,
	"aws cluster create": `kubectl falcon aws cluster create shop --region eu-west-1
kubectl falcon aws cluster create shop --namespaces web,jobs --dry-run
kubectl falcon aws cluster create shop --region eu-west-1 --print-config`,
	"aws cluster delete": `kubectl falcon aws cluster delete shop --dry-run
kubectl falcon aws cluster delete shop --region eu-west-1
kubectl falcon aws cluster delete shop --yes --timeout 1h`,
	"aws cluster kubeconfig": `kubectl falcon aws cluster kubeconfig shop --region eu-west-1
kubectl falcon aws cluster kubeconfig shop --alias shop --set-current=false
kubectl falcon aws cluster kubeconfig shop --print > shop.kubeconfig`,
	"aws cluster token": `kubectl falcon aws cluster token shop
kubectl falcon aws cluster token shop --region eu-west-1
kubectl falcon aws cluster token shop --profile audit`,
	"aws ecr": `kubectl falcon aws ecr ensure falcon-sensor
kubectl falcon aws ecr images falcon-sensor
kubectl falcon aws ecr login-check`,
	"aws ecr delete": `kubectl falcon aws ecr delete falcon-sensor
kubectl falcon aws ecr delete falcon-sensor --dry-run
kubectl falcon aws ecr delete falcon-sensor --force --yes`,
	"aws ecr delete-image": `kubectl falcon aws ecr delete-image falcon-sensor 7.39.0
kubectl falcon aws ecr delete-image falcon-sensor 7.39.0 --yes
kubectl falcon aws ecr delete-image falcon-sensor 7.39.0 --dry-run -o json`,
	"aws ecr ensure": `kubectl falcon aws ecr ensure falcon-sensor
kubectl falcon aws ecr ensure falcon-sensor --keep 10 --dry-run
kubectl falcon sensor push falcon-sensor.tar.bz2 \
    "$(kubectl falcon aws ecr ensure falcon-sensor)":7.40.0`,
	"aws ecr images": `kubectl falcon aws ecr images falcon-sensor
kubectl falcon aws ecr images falcon-sensor -o json
kubectl falcon aws ecr images falcon-sensor --region us-east-1`,
	"aws ecr login-check": `kubectl falcon aws ecr login-check
kubectl falcon aws ecr login-check --region eu-west-1
kubectl falcon aws ecr login-check --profile deploy -o json`,
	"aws fargate": `kubectl falcon aws fargate ensure --namespaces shop
kubectl falcon aws fargate list
kubectl falcon aws fargate coverage`,
	"aws fargate coverage": `kubectl falcon aws fargate coverage
kubectl falcon aws fargate coverage --cluster shop --region eu-west-1
kubectl falcon aws fargate coverage -o json`,
	"aws fargate delete": `kubectl falcon aws fargate delete fp-shop
kubectl falcon aws fargate delete fp-shop --keep-role --yes
kubectl falcon aws fargate delete --dry-run`,
	"aws fargate ensure": `kubectl falcon aws fargate ensure
kubectl falcon aws fargate ensure --namespaces shop,team-a
kubectl falcon aws fargate ensure --selector "prod-*:app=web" --dry-run`,
	"aws fargate list": `kubectl falcon aws fargate list
kubectl falcon aws fargate list --cluster shop --region eu-west-1
kubectl falcon aws fargate list -o json`,
	"aws iam-policy": `kubectl falcon aws iam-policy up
kubectl falcon aws iam-policy sensor push --repository falcon-sensor
kubectl falcon aws iam-policy ecr ensure --account 123456789012 \
    --region eu-west-1 --repository falcon-sensor`,
	"aws irsa": `kubectl falcon aws irsa ensure
kubectl falcon aws irsa check
kubectl falcon aws irsa delete --dry-run`,
	"aws irsa check": `kubectl falcon aws irsa check
kubectl falcon aws irsa check --cluster shop --region eu-west-1
kubectl falcon aws irsa check --role shop-injector -o json`,
	"aws irsa delete": `kubectl falcon aws irsa delete
kubectl falcon aws irsa delete --dry-run
kubectl falcon aws irsa delete --cluster shop --yes`,
	"aws irsa ensure": `kubectl falcon aws irsa ensure
kubectl falcon aws irsa ensure --repositories falcon-sensor,web --dry-run
kubectl falcon install -f falcon.yaml --service-account-annotation \
    "$(kubectl falcon aws irsa ensure)"`,
	"bundle": `kubectl falcon bundle
kubectl falcon bundle --list
kubectl falcon bundle --deep -f shop.tar.gz`,
	"certs": `kubectl falcon certs
kubectl falcon certs -o json
kubectl falcon certs rotate`,
	"certs rotate": `kubectl falcon certs rotate
kubectl falcon certs rotate --cert-validity 90d
kubectl falcon certs rotate --timeout 10m --context shop`,
	"demo": `kubectl falcon demo
kubectl falcon demo --registry registry.example.com/mirror --keep
kubectl falcon demo --dry-run -o yaml`,
	"demo clean": `kubectl falcon demo clean
kubectl falcon demo clean -n team-a
kubectl falcon demo clean --context shop`,
	"demo list": `kubectl falcon demo list
kubectl falcon demo list -o json
kubectl falcon demo list -o yaml`,
	"demo run": `kubectl falcon demo run rootkit
kubectl falcon demo run rootkit commands --keep
kubectl falcon demo run dns-exfiltration --allow-network`,
	"demo status": `kubectl falcon demo status
kubectl falcon demo status -n team-a
kubectl falcon demo status -o json`,
	"down": `kubectl falcon down --plan
kubectl falcon down --cluster shop --region eu-west-1
kubectl falcon down --keep-repository --yes`,
	"explain": `kubectl falcon explain deploy/web
kubectl falcon explain deploy/web pod/db-0 -n shop
kubectl falcon explain -f web.yaml -o json`,
	"explain-check": `kubectl falcon explain-check
kubectl falcon explain-check FC403
kubectl falcon explain-check fc507`,
	"install": `kubectl falcon install --cid 0123456789ABCDEF0123456789ABCDEF-12 \
  --image 123456789123.dkr.ecr.eu-west-1.amazonaws.com/falcon-sensor:7.40.0
kubectl falcon install -f falcon.yaml --diff
kubectl falcon install -f falcon.yaml --dry-run=client -o yaml`,
	"logs": `kubectl falcon logs -f --since 10m
kubectl falcon logs --for deploy/web -n team-a
kubectl falcon logs --sidecar web-6d4cf56db6-9kqbx -n team-a`,
	"rbac": `kubectl falcon rbac install | kubectl apply -f -
kubectl falcon rbac verify --deep
kubectl falcon rbac aid > aid-role.yaml`,
	"restart": `kubectl falcon restart --plan -A
kubectl falcon restart -n team-a --yes
kubectl falcon restart deploy/web statefulset/db -n team-a`,
	"sensor": `kubectl falcon sensor tags
kubectl falcon sensor image
kubectl falcon sensor push falcon-sensor.tar.bz2 registry.example.com/sensor:7`,
	"sensor cid": `kubectl falcon sensor cid
kubectl falcon sensor cid --falcon-credentials file:falcon-api.env
kubectl falcon install --image registry.example.com/sensor:7 \
  --cid "$(kubectl falcon sensor cid)"`,
	"sensor download": `kubectl falcon sensor download
kubectl falcon sensor download --version 7.40 --to images/
kubectl falcon sensor push "$(kubectl falcon sensor download)" \
  registry.example.com/falcon-sensor`,
	"sensor image": `kubectl falcon sensor image
kubectl falcon sensor image --version 7.40 --platform linux/arm64
kubectl falcon sensor push "$(kubectl falcon sensor image)" \
  registry.example.com/falcon-sensor:7.40`,
	"sensor pull-secret": `kubectl falcon sensor pull-secret --create
kubectl falcon sensor pull-secret --create --namespaces shop,team-a
kubectl falcon sensor pull-secret -n team-a -o yaml | kubectl apply -f -`,
	"sensor push": `kubectl falcon sensor push falcon-sensor.tar.bz2 registry.example.com/sensor:7
kubectl falcon sensor push "$(kubectl falcon sensor image)" \
  registry.example.com/falcon-sensor:7.40
kubectl falcon sensor push falcon-api:7.40 registry.example.com/falcon-sensor
kubectl falcon sensor push ./oci-layout registry.example.com/sensor:7 \
  --platform linux/amd64`,
	"sensor tags": `kubectl falcon sensor tags
kubectl falcon sensor tags --latest --platform linux/arm64
kubectl falcon sensor tags --version 7.40 -o json`,
	"status": `kubectl falcon status
kubectl falcon status --watch
kubectl falcon status --context shop -o json`,
	"uninstall": `kubectl falcon uninstall --dry-run
kubectl falcon uninstall
kubectl falcon uninstall --keep-namespace --timeout 10m
kubectl falcon uninstall --break-glass`,
	"up": `kubectl falcon up --plan
kubectl falcon up --cluster shop --region eu-west-1 --fargate-namespaces web
kubectl falcon up -f falcon.yaml --source falcon-sensor.tar.bz2`,
	"verify": `kubectl falcon verify
kubectl falcon verify -A -o wide
kubectl falcon verify deploy/web -n shop
kubectl falcon verify -A -o html > report.html
kubectl falcon verify -A --contexts eu,us --check FC7 -o junit`,
	"version": `kubectl falcon version
kubectl falcon version -o json
kubectl falcon version -o yaml`,
}

// rightsExamples are those of the commands of rbac, which differ by nothing but their names.
const rightsExamples = `kubectl falcon rbac COMMAND
kubectl falcon rbac COMMAND > role.yaml
kubectl falcon rbac COMMAND | kubectl apply -f -`

// giveExamples gives every command without examples of its own those that are here.
func giveExamples(root *cobra.Command) {
	each(root, func(cmd *cobra.Command) {
		text := examples[pathOf(cmd)]
		if text == "" && ofRBAC(cmd) {
			text = strings.ReplaceAll(rightsExamples, "COMMAND", cmd.Name())
		}
		if cmd.Example == "" && text != "" {
			cmd.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
		}
	})
}

// pathOf is what stands behind the program's name when a command is called.
func pathOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().CommandPath()), " ")
}
