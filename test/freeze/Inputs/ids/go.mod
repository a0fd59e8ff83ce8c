module ids

go 1.21

require (
	github.com/bwmarrin/snowflake v0.3.0
	github.com/go-chi/chi/v5 v5.5.0
	github.com/google/uuid v1.6.0
	github.com/oklog/ulid/v2 v2.1.2
	github.com/rs/xid v1.6.0
	github.com/segmentio/ksuid v1.0.4
	go.mongodb.org/mongo-driver v1.99.0
	go.mongodb.org/mongo-driver/v2 v2.10.0
)
