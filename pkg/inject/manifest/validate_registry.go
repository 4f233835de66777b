package manifest

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"slices"
)

func (o *Options) checkPullSecret() error {
	if o.PullSecret != "" {
		if err := checkSecretName("--pull-secret", o.PullSecret); err != nil {
			return err
		}
	}
	if len(o.PullSecretConfig) == 0 {
		return nil
	}
	if o.PullSecret == "" {
		return bad("name the Secret to make from it with --pull-secret, for instance "+DefaultPullSecret,
			"--pull-secret-file: there is no name for the Secret")
	}
	return checkDockerConfig(o.PullSecretConfig)
}

// dockerConfig is what of a docker config decides whether a kubelet can pull with it.
type dockerConfig struct {
	Auths       map[string]json.RawMessage `json:"auths"`
	CredsStore  string                     `json:"credsStore"`
	CredHelpers map[string]string          `json:"credHelpers"`
}

// checkDockerConfig never shows what it read. A kubelet with a config that is none pulls without
// credentials and says so nowhere.
func checkDockerConfig(content []byte) error {
	const (
		flag = "--pull-secret-file: "
		next = `give a docker config such as {"auths": {"REGISTRY": {"auth": "BASE64 OF USER:PASSWORD"}}}`
		// storeNext is for the file that docker login writes on a desktop.
		storeNext = "log in to the registry with a docker config of its own and no credential store " +
			"(DOCKER_CONFIG=DIRECTORY docker login REGISTRY), and give that file"
		noCredentials = flag + "the docker config holds no credentials: it only says that docker keeps them elsewhere (credsStore, credHelpers)"
	)
	var config dockerConfig
	if !json.Valid(content) {
		return bad(next, flag+"it is not a docker config: it is not JSON")
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return bad(next, flag+`it is not a docker config: it, its "auths" or another part is of another type than there`)
	}
	elsewhere := config.CredsStore != "" || len(config.CredHelpers) > 0
	switch {
	case len(config.Auths) == 0 && elsewhere:
		return bad(storeNext, noCredentials)
	case config.Auths == nil:
		return bad(next, flag+`it is not a docker config: it has no "auths"`)
	case len(config.Auths) == 0:
		return bad(next, flag+`it is not a docker config: its "auths" are empty`)
	}
	usable := 0
	for _, registry := range slices.Sorted(maps.Keys(config.Auths)) {
		var entry map[string]any
		if err := json.Unmarshal(config.Auths[registry], &entry); err != nil || entry == nil {
			return bad(next, flag+"it is not a docker config: its entry for %s is not an object", registry)
		}
		if entry["auth"] != nil || entry["username"] != nil || entry["identitytoken"] != nil {
			usable++
		}
	}
	switch {
	case usable == 0 && elsewhere:
		return bad(storeNext, noCredentials)
	case usable == 0:
		return bad(next, flag+`the docker config holds no credentials: none of its "auths" has an "auth"`)
	}
	return nil
}

func (o *Options) checkRegistryCA() error {
	const next = "give the registry's authority as PEM: -----BEGIN CERTIFICATE----- and so on"
	if len(o.RegistryCA) == 0 {
		return nil
	}
	found := 0
	for block, rest := pem.Decode(o.RegistryCA); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return bad(next, "--registry-ca: it holds a %s, which is not a certificate", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return bad(next, "--registry-ca: certificate %d in it cannot be read: %w", found+1, err)
		}
		found++
	}
	// Decoding passes over what is damaged.
	if begun := bytes.Count(o.RegistryCA, []byte("-----BEGIN ")); begun > found {
		return bad(next, "--registry-ca: %d of the %d blocks in it are cut off or damaged", begun-found, begun)
	}
	if found == 0 {
		return bad(next, "--registry-ca: there is no PEM certificate in it")
	}
	return nil
}
