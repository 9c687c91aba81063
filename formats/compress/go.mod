module github.com/guardkv/guardkv/formats/compress

go 1.26.0

require (
	github.com/guardkv/guardkv/core v0.1.0
	github.com/klauspost/compress v1.20.4
)

replace github.com/guardkv/guardkv/core => ../../core
