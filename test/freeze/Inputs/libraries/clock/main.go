// What libraries make of time, told per request: a bucket of x/time/rate and a limiter of httprate that set-up has emptied, a
// cached token of x/oauth2 and a token of golang-jwt that expires, each for ten seconds.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/go-chi/httprate"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
	"golang.org/x/time/rate"
)

const while = 10 * time.Second

type issuer struct{ issued int }

func (i *issuer) Token() (*oauth2.Token, error) {
	i.issued++
	return &oauth2.Token{AccessToken: fmt.Sprint("token", i.issued), Expiry: time.Now().Add(while + 10*time.Second)}, nil // the library renews it ten seconds before
}

func main() {
	bucket := rate.NewLimiter(rate.Every(while), 1)
	bucket.Allow()
	limited := httprate.LimitByIP(1, while)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func() int {
		answer := httptest.NewRecorder()
		limited.ServeHTTP(answer, httptest.NewRequest("GET", "/", nil))
		return answer.Code
	}
	ask()
	cached := oauth2.ReuseTokenSource(nil, &issuer{})
	cached.Token()
	key := []byte("the key of this test, and of nothing else")
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(while))}).SignedString(key)
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.Background(), func() {}
	if len(os.Args) > 1 {
		ctx, cancel = context.WithTimeout(ctx, while)
	}
	defer cancel()
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := cached.Token()
		_, err := jwt.Parse(signed, func(*jwt.Token) (any, error) { return key, nil })
		fmt.Fprintf(w, "rate %v, httprate %d, oauth2 %s, jwt valid %v, context %v\n", bucket.Allow(), ask(), token.AccessToken, err == nil, ctx.Err())
	})))
}
