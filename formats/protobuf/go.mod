module github.com/guardkv/guardkv/formats/protobuf

go 1.26.0

require (
	github.com/guardkv/guardkv/core v0.1.0
	google.golang.org/protobuf v1.36.12
)

replace github.com/guardkv/guardkv/core => ../../core
