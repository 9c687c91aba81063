module github.com/guardkv/guardkv/tools

go 1.26.0

tool github.com/magefile/mage

require (
	github.com/google/flatbuffers v25.12.19+incompatible
	github.com/guardkv/guardkv/backends/bbolt v0.1.0
	github.com/guardkv/guardkv/core v0.1.0
	github.com/guardkv/guardkv/formats/cbor v0.1.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/mod v0.42.0
	golang.org/x/text v0.43.0
)

require (
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/magefile/mage v1.17.2 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace (
	github.com/guardkv/guardkv/backends/bbolt => ../backends/bbolt
	github.com/guardkv/guardkv/core => ../core
	github.com/guardkv/guardkv/formats/cbor => ../formats/cbor
)
