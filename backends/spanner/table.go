// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"fmt"

	admin "cloud.google.com/go/spanner/admin/database/apiv1"
	"cloud.google.com/go/spanner/admin/database/apiv1/databasepb"
	"google.golang.org/grpc/codes"

	"github.com/guardkv/guardkv/core"
)

// createTable creates the table that storages are in. Spanner takes half a minute for that, so
// only ctx limits how long it may take. Whoever comes second waits, and finds the table made.
func (c *client) createTable(ctx context.Context) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w: the table %q is not there, and creating it failed: %w",
				core.ErrUnavailable, c.backend.Table, failed(ctx, err))
		}
	}()
	database, err := admin.NewDatabaseAdminClient(ctx, c.backend.Options...)
	if err != nil {
		return err
	}
	defer database.Close()
	for try := 0; ; try++ {
		err = c.tryCreateTable(ctx, database)
		if code(err) != codes.FailedPrecondition || !contains(err, "concurrent schema change") {
			return err
		}
		if pause(ctx, try) != nil {
			return err
		}
	}
}

func (c *client) tryCreateTable(ctx context.Context, database *admin.DatabaseAdminClient) error {
	op, err := database.UpdateDatabaseDdl(ctx, &databasepb.UpdateDatabaseDdlRequest{
		Database: c.backend.Database, Statements: []string{c.backend.createTable()},
	})
	if err != nil {
		return err
	}
	return op.Wait(ctx)
}
