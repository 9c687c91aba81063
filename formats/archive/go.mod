module github.com/guardkv/guardkv/formats/archive

go 1.26.0

require github.com/guardkv/guardkv/core v0.1.0

replace github.com/guardkv/guardkv/core => ../../core
