module github.com/guardkv/guardkv/formats/flatbuffers

go 1.26.0

require (
	github.com/google/flatbuffers v25.12.19+incompatible
	github.com/guardkv/guardkv/core v0.1.0
)

replace github.com/guardkv/guardkv/core => ../../core
