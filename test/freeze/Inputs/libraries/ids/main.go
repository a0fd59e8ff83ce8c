// What libraries make per request, after a warm-up request: a line each.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/bwmarrin/snowflake"
	"github.com/go-chi/chi/v5/middleware"
	gofrs "github.com/gofrs/uuid/v5"
	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	echoed "github.com/labstack/echo/v4/middleware"
	nanoid "github.com/matoous/go-nanoid/v2"
	"github.com/oklog/ulid/v2"
	"github.com/rs/xid"
	"github.com/rs/zerolog/hlog"
	"github.com/segmentio/ksuid"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/v2/bson"
)

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

var numbered = must(snowflake.NewNode(7))

func fast() string {
	var bytes [16]byte
	must(ksuid.FastRander.Read(bytes[:]))
	return fmt.Sprintf("%x", bytes)
}

func answer(c echo.Context) error {
	logged, _ := hlog.IDFromRequest(c.Request())
	text := ""
	for _, id := range []struct {
		name  string
		value any
	}{
		{"echo's csrf token", c.Get("csrf")},
		{"echo's request id", c.Response().Header().Get("X-Request-Id")},
		{"google/uuid, pooled", uuid.New()},
		{"google/uuid, version 7", must(uuid.NewV7())},
		{"google/uuid, node of version 1", fmt.Sprintf("%x", must(uuid.NewUUID()).NodeID())},
		{"gofrs/uuid, version 4", must(gofrs.NewV4())},
		{"gofrs/uuid, version 7", must(gofrs.NewV7())},
		{"nanoid", must(nanoid.New())},
		{"rs/xid, without time", fmt.Sprintf("%x", xid.New().Bytes()[4:])},
		{"zerolog's request id", logged},
		{"chi's request id", middleware.GetReqID(c.Request().Context())},
		{"oklog/ulid, without time", ulid.Make().String()[10:]},
		{"segmentio/ksuid", ksuid.New()},
		{"segmentio/ksuid's FastRander", fast()},
		{"ObjectID, without time", primitive.NewObjectID().Hex()[8:]},
		{"ObjectID of version 2, without time", bson.NewObjectID().Hex()[8:]},
		{"snowflake", numbered.Generate()},
	} {
		text += fmt.Sprintf("%s: %v\n", id.name, id.value)
	}
	return c.String(200, text)
}

func main() {
	uuid.EnableRandPool()
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Use(echo.WrapMiddleware(middleware.RequestID), echo.WrapMiddleware(hlog.RequestIDHandler("id", "")))
	e.Use(echoed.RequestID(), echoed.CSRF())
	e.GET("/", answer)
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		panic(err)
	}
	e.Listener = listener
	panic(e.StartServer(&http.Server{}))
}
