module github.com/guardkv/guardkv/tools

go 1.26.0

tool github.com/magefile/mage

require (
	github.com/magefile/mage v1.17.2 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)

require (
	github.com/guardkv/guardkv/backends/bbolt v0.1.0
	github.com/guardkv/guardkv/core v0.1.0
	github.com/guardkv/guardkv/formats/cbor v0.1.0
)

replace (
	github.com/guardkv/guardkv/backends/bbolt => ../backends/bbolt
	github.com/guardkv/guardkv/core => ../core
	github.com/guardkv/guardkv/formats/cbor => ../formats/cbor
)
