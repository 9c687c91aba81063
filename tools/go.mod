module github.com/guardkv/guardkv/tools

go 1.26
