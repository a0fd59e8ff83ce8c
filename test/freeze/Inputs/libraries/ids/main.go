// What libraries draw per request, after a warm-up request: a CSRF token and a request id of echo, and a UUID of google/uuid's pool.
package main

import (
	"net"
	"net/http"
	"os"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

func main() {
	uuid.EnableRandPool()
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(middleware.RequestID(), middleware.CSRF())
	e.GET("/", func(c echo.Context) error {
		return c.String(200, c.Get("csrf").(string)+" "+c.Response().Header().Get("X-Request-Id")+" "+uuid.NewString()+"\n")
	})
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	e.Listener = listener
	panic(e.StartServer(&http.Server{}))
}
