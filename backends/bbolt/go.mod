module github.com/guardkv/guardkv/backends/bbolt

go 1.26.0

require (
	github.com/guardkv/guardkv/core v0.1.0
	go.etcd.io/bbolt v1.5.0
	golang.org/x/sys v0.45.0
)

replace github.com/guardkv/guardkv/core => ../../core
