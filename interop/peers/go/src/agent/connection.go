package agent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
)

type connectionKey struct{}

// WithConnection remembers the transport of a request, for libraries that do not hand it out.
func WithConnection(ctx context.Context, connection net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, connection)
}

// ConnectionOf returns what WithConnection remembered.
func ConnectionOf(ctx context.Context) net.Conn {
	connection, _ := ctx.Value(connectionKey{}).(net.Conn)
	return connection
}

// Trust makes a TLS configuration that trusts exactly the certificate in the file.
func Trust(certificate string) (*tls.Config, error) {
	if certificate == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(certificate)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", certificate)
	}
	return &tls.Config{RootCAs: pool}, nil
}
