// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

// A table that has rows gets a dictionary, which is made of them. They stay as they are; new rows
// take less.
func ExampleWithDictionary() {
	if err := addDictionary(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output: 200 rows; 100 with the dictionary take less than half of the others: true
}

type Reading struct {
	Station, Institute, Operator string
	Temperature                  float64
}

func addDictionary(ctx context.Context) (err error) {
	db, err := core.Open(ctx, "weather.db", memory.New())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	readings, err := core.OpenTable(ctx, db, "readings",
		keys.Int(), compress.New(values.JSON[Reading]()))
	if err != nil {
		return err
	}
	if err := putReadings(ctx, readings, 0, 100); err != nil {
		return err
	}
	before, err := sizeOf(ctx, db)
	if err != nil {
		return err
	}

	d, err := compress.TrainTable(ctx, db, "readings")
	if err != nil {
		return err
	}
	readings, err = core.OpenTable(ctx, db, "readings", keys.Int(),
		compress.New(values.JSON[Reading](), compress.WithDictionary(d)))
	if err != nil {
		return err
	}
	if err := putReadings(ctx, readings, 100, 200); err != nil {
		return err
	}
	after, err := sizeOf(ctx, db)
	if err != nil {
		return err
	}
	n, err := readings.Scan().Count(ctx)
	fmt.Printf("%d rows; 100 with the dictionary take less than half of the others: %v\n",
		n, 2*(after-before) < before)
	return err
}

func putReadings(ctx context.Context, readings *core.TableOf[int, Reading], from, to int) error {
	for i := from; i < to; i++ {
		r := Reading{
			fmt.Sprint("station ", i), "the meteorological institute", "somebody",
			float64(i*7919%4000) / 100,
		}
		if err := readings.Put(ctx, i, r); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf returns how many bytes the values of the table take.
func sizeOf(ctx context.Context, db *core.Storage) (size int, err error) {
	raw, err := core.OpenRaw(ctx, db, "readings")
	if err != nil {
		return 0, err
	}
	for row, err := range raw.Scan().Rows(ctx) {
		if err != nil {
			return 0, err
		}
		size += len(row.Value)
	}
	return size, nil
}
