// Package falcon is a client of the part of the CrowdStrike Falcon API that this tool needs: the customer
// id, the password of the vendor's registry, hosts and alerts.
//
// It must never put a secret or a token into an error or an event, send them to a host that is no Falcon
// cloud, or take an answer with errors in it for a success. It knows no environment variable and no file:
// package plugin reads credentials. The facts are from the vendor's public Go client and tools (gofalcon,
// falcon-operator, falcon-scripts), as of 2026-08.
package falcon
