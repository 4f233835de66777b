package sensor

import "github.com/google/go-containerregistry/pkg/authn"

// Login is a login to one registry.
type Login struct {
	// Host is the registry, with its port if that is not the usual one.
	Host, User, Password string
}

// String is the login without its password, also where it is printed by accident.
func (l Login) String() string { return l.User + "@" + l.Host }

// GoString is as String.
func (l Login) GoString() string { return l.String() }

// LoginKeychain has a login for its own registry, and for others what the other keychain has.
func LoginKeychain(login Login, others authn.Keychain) authn.Keychain {
	return authn.NewMultiKeychain(loginKeychain{login}, others)
}

type loginKeychain struct{ login Login }

// Resolve implements authn.Keychain: the login goes to its registry alone.
func (k loginKeychain) Resolve(of authn.Resource) (authn.Authenticator, error) {
	if of.RegistryStr() != k.login.Host {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: k.login.User, Password: k.login.Password}, nil
}
