module github.com/guardkv/guardkv/tools

go 1.26.0

tool github.com/magefile/mage

require (
	github.com/google/flatbuffers v25.12.19+incompatible
	github.com/guardkv/guardkv/backends/bbolt v0.1.0
	github.com/guardkv/guardkv/backends/etcd v0.1.0
	github.com/guardkv/guardkv/backends/postgres v0.1.0
	github.com/guardkv/guardkv/core v0.1.0
	github.com/guardkv/guardkv/formats/archive v0.1.0
	github.com/guardkv/guardkv/formats/cbor v0.1.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/mod v0.42.0
	golang.org/x/text v0.43.0
)

require github.com/anishathalye/porcupine v1.3.1

require (
	github.com/coreos/go-semver v0.3.1 // indirect
	github.com/coreos/go-systemd/v22 v22.7.0 // indirect
	github.com/grpc-ecosystem/grpc-gateway/v2 v2.29.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.12.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	go.etcd.io/etcd/api/v3 v3.7.3 // indirect
	go.etcd.io/etcd/client/pkg/v3 v3.7.3 // indirect
	go.etcd.io/etcd/client/v3 v3.7.3 // indirect
	go.uber.org/multierr v1.11.0 // indirect
	go.uber.org/zap v1.27.1 // indirect
	go.yaml.in/yaml/v2 v2.4.3 // indirect
	golang.org/x/net v0.61.0 // indirect
	google.golang.org/genproto/googleapis/api v0.0.0-20260803160001-6ac0973c030d // indirect
	google.golang.org/genproto/googleapis/rpc v0.0.0-20260803160001-6ac0973c030d // indirect
	google.golang.org/grpc v1.83.2 // indirect
)

require (
	github.com/DataDog/zstd v1.5.7 // indirect
	github.com/RaduBerinde/axisds v0.1.0 // indirect
	github.com/RaduBerinde/btreemap v0.0.0-20250419174037-3d62b7205d54 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cockroachdb/crlib v0.0.0-20241112164430-1264a2edc35b // indirect
	github.com/cockroachdb/errors v1.11.3 // indirect
	github.com/cockroachdb/logtags v0.0.0-20230118201751-21c54148d20b // indirect
	github.com/cockroachdb/pebble/v2 v2.1.7
	github.com/cockroachdb/redact v1.1.5 // indirect
	github.com/cockroachdb/swiss v0.0.0-20260820225851-333444432258 // indirect
	github.com/cockroachdb/tokenbucket v0.0.0-20230807174530-cc333fc44b06 // indirect
	github.com/dgraph-io/badger/v4 v4.9.6
	github.com/dgraph-io/ristretto/v2 v2.2.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/getsentry/sentry-go v0.27.0 // indirect
	github.com/go-logr/logr v1.4.3 // indirect
	github.com/go-logr/stdr v1.2.2 // indirect
	github.com/gogo/protobuf v1.3.2 // indirect
	github.com/golang/protobuf v1.5.4 // indirect
	github.com/golang/snappy v0.0.5-0.20231225225746-43d5d4cd4e0e // indirect
	github.com/guardkv/guardkv/backends/badger v0.1.0
	github.com/guardkv/guardkv/backends/pebble v0.1.0
	github.com/guardkv/guardkv/formats/compress v0.1.0
	github.com/guardkv/guardkv/formats/encrypt v0.1.0
	github.com/guardkv/guardkv/formats/flatbuffers v0.1.0
	github.com/guardkv/guardkv/formats/gob v0.1.0
	github.com/guardkv/guardkv/formats/protobuf v0.1.0
	github.com/klauspost/compress v1.20.4
	github.com/kr/pretty v0.3.1 // indirect
	github.com/kr/text v0.2.0 // indirect
	github.com/magefile/mage v1.17.2 // indirect
	github.com/minio/minlz v1.0.1-0.20250507153514-87eb42fe8882 // indirect
	github.com/pkg/errors v0.9.1 // indirect
	github.com/prometheus/client_golang v1.23.2 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.67.5 // indirect
	github.com/prometheus/procfs v0.16.1 // indirect
	github.com/rogpeppe/go-internal v1.14.1 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	go.opentelemetry.io/auto/sdk v1.2.1 // indirect
	go.opentelemetry.io/otel v1.44.0 // indirect
	go.opentelemetry.io/otel/metric v1.44.0 // indirect
	go.opentelemetry.io/otel/trace v1.44.0 // indirect
	golang.org/x/exp v0.0.0-20230626212559-97b1e661b5df // indirect
	golang.org/x/sys v0.49.0
	google.golang.org/protobuf v1.36.12
)

replace (
	github.com/guardkv/guardkv/backends/bbolt => ../backends/bbolt
	github.com/guardkv/guardkv/core => ../core
	github.com/guardkv/guardkv/formats/cbor => ../formats/cbor
)

replace github.com/guardkv/guardkv/backends/badger => ../backends/badger

replace github.com/guardkv/guardkv/backends/pebble => ../backends/pebble

replace github.com/guardkv/guardkv/formats/gob => ../formats/gob

replace github.com/guardkv/guardkv/formats/flatbuffers => ../formats/flatbuffers

replace github.com/guardkv/guardkv/formats/protobuf => ../formats/protobuf

replace github.com/guardkv/guardkv/formats/compress => ../formats/compress

replace github.com/guardkv/guardkv/formats/encrypt => ../formats/encrypt

replace github.com/guardkv/guardkv/formats/archive => ../formats/archive

replace github.com/guardkv/guardkv/backends/etcd => ../backends/etcd

replace github.com/guardkv/guardkv/backends/postgres => ../backends/postgres

// A module that pebble is built of requires a version in which this one still has packages that
// are modules of their own since, and that etcd is built of: they would be ambiguous.
exclude google.golang.org/genproto v0.0.0-20230410155749-daa745c078e1
