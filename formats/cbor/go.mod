module github.com/guardkv/guardkv/formats/cbor

go 1.26.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/guardkv/guardkv/core v0.1.0
)

require github.com/x448/float16 v0.8.4 // indirect

replace github.com/guardkv/guardkv/core => ../../core
