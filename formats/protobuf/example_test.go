// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/formats/protobuf"
	pb "github.com/guardkv/guardkv/formats/protobuf/internal/testpb"
)

func Example() {
	ctx := context.Background()
	db, err := core.Open(ctx, "zoo", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	animals, err := core.OpenTable(ctx, db, "animals", keys.String(), protobuf.New[*pb.Animal]())
	if err != nil {
		log.Fatal(err)
	}
	if err := animals.Put(ctx, "leo",
		&pb.Animal{Name: "Leo", Legs: 4, Favorite: &pb.Food{Name: "hay"}}); err != nil {
		log.Fatal(err)
	}
	leo, err := animals.Get(ctx, "leo")
	if err != nil {
		log.Fatal(err)
	}
	defer leo.Close()
	fmt.Println(leo.Value().GetName(), "has", leo.Value().GetLegs(), "legs and likes",
		leo.Value().GetFavorite().GetName())
	// Output: Leo has 4 legs and likes hay
}

// A tool that has no generated code shows what a table holds.
func ExampleExplain() {
	ctx := context.Background()
	db, err := core.Open(ctx, "zoo", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	food, err := core.OpenTable(ctx, db, "food", keys.String(), protobuf.New[*pb.Food]())
	if err != nil {
		log.Fatal(err)
	}
	if err := food.Put(ctx, "hay", &pb.Food{Name: "hay", Kilos: 2.5}); err != nil {
		log.Fatal(err)
	}

	tables, err := db.Tables(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range tables {
		e, err := t.Explain(protobuf.Explain)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Schema)
		raw, err := core.OpenRaw(ctx, db, t.Name)
		if err != nil {
			log.Fatal(err)
		}
		for row, err := range raw.Scan().Rows(ctx) {
			if err != nil {
				log.Fatal(err)
			}
			text, err := e.AppendJSON(nil, row.Key, row.Value)
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(string(text))
		}
	}
	// Output:
	// message zoo.Food {
	//   string name = 1
	//   double kilos = 2
	// }
	// {"name":"hay","kilos":2.5}
}

// A row as a tool sees it that wants to change one field of it, and leaves the others as they are.
func ExampleDynamic() {
	ctx := context.Background()
	db, err := core.Open(ctx, "zoo", memory.New())
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	food, err := core.OpenTable(ctx, db, "food", keys.String(), protobuf.New[*pb.Food]())
	if err != nil {
		log.Fatal(err)
	}
	if err := food.Put(ctx, "hay", &pb.Food{Name: "hay", Kilos: 2.5}); err != nil {
		log.Fatal(err)
	}

	tables, err := db.Tables(ctx)
	if err != nil {
		log.Fatal(err)
	}
	d, err := protobuf.Descriptor(tables[0])
	if err != nil {
		log.Fatal(err)
	}
	rows, err := core.OpenTable(ctx, db, "food", keys.String(), protobuf.Dynamic(d))
	if err != nil {
		log.Fatal(err)
	}
	hay, err := rows.Load(ctx, "hay")
	if err != nil {
		log.Fatal(err)
	}
	kilos := d.Fields().ByName("kilos")
	hay.Set(kilos, protoreflect.ValueOfFloat64(2*hay.Get(kilos).Float()))
	if err := rows.Put(ctx, "hay", hay); err != nil {
		log.Fatal(err)
	}
	again, err := food.Load(ctx, "hay")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.GetName(), again.GetKilos())
	// Output: hay 5
}
