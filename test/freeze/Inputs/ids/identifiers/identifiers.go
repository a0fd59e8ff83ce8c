// Package identifiers makes one with each of the packages that are like popular ones as far as their state goes.
package identifiers

import (
	"fmt"
	"io"

	"github.com/bwmarrin/snowflake"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
	"github.com/rs/xid"
	"github.com/segmentio/ksuid"
	"go.mongodb.org/mongo-driver/v2/bson"
)

var numbered = snowflake.NewNode(7)

// Number is one of snowflake's.
func Number() int64 { return numbered.Generate() }

func Read(r io.Reader) string {
	var bytes [8]byte
	r.Read(bytes[:])
	return fmt.Sprintf("%x", bytes)
}

func Make() []string {
	return []string{
		fmt.Sprintf("chi %s", middleware.NextID()),
		fmt.Sprintf("uuid %x", uuid.Node()),
		fmt.Sprintf("ulid %x", ulid.Make()),
		fmt.Sprintf("xid %x %x", xid.Machine(), xid.Next()),
		fmt.Sprintf("ksuid %s", Read(ksuid.FastRander)),
		fmt.Sprintf("bson %x %x", bson.Process(), bson.Next()),
		fmt.Sprintf("snowflake %d", Number()),
	}
}
