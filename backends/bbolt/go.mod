module github.com/guardkv/guardkv/backends/bbolt

go 1.26

require github.com/guardkv/guardkv/core v0.1.0

require (
	go.etcd.io/bbolt v1.5.0 // indirect
	golang.org/x/sys v0.45.0 // indirect
)

replace github.com/guardkv/guardkv/core => ../../core
