// Package core keeps typed tables in an embedded key-value engine and reads them in place.
package core
