import { describe, expect, it } from 'vitest';
import { formatJson } from '../../../src/cli/format/json.js';
import { formatMigrationReport, migrationJson } from '../../../src/cli/format/migration-report.js';
import type { MigrationReport } from '../../../src/vm/migrate/report.js';

const REPORT: MigrationReport = {
  errors: ['cannot read "/old/b"'],
  from: ['/old/a'],
  dryRun: true,
  instances: [
    {
      name: 'build-server',
      action: 'migrated',
      reason: null,
      state: 'Stopped',
      method: 'reflink',
      bytes: 0,
      snapshots: 3,
      warnings: ['its mounts are gone', 'its bridge\u0007 is gone'],
    },
    {
      name: 'web',
      action: 'skipped',
      reason: 'it exists already',
      state: null,
      method: null,
      bytes: 0,
      snapshots: 0,
      warnings: [],
    },
  ],
  aliases: ['default.ls', 'work.top'],
};

describe('formatMigrationReport', () => {
  it('prints a line for each instance, with its warnings below', () => {
    expect(formatMigrationReport(REPORT)).toBe(
      `Name           Action     State     Method    Snapshots   Reason
build-server   migrated   Stopped   reflink   3           --
    warning: its mounts are gone
    warning: its bridge\uFFFD is gone
web            skipped    --        --        0           it exists already
Aliases: default.ls, work.top
`,
    );
  });

  it('says that there is nothing', () => {
    expect(formatMigrationReport({ ...REPORT, instances: [] })).toBe('No instances found.\n');
  });

  it('prints the JSON of the design, its keys in that order', () => {
    expect(formatJson(migrationJson({ ...REPORT, instances: [REPORT.instances[0]!] }))).toBe(
      `{
    "errors": [
        "cannot read \\"/old/b\\""
    ],
    "from": [
        "/old/a"
    ],
    "dry_run": true,
    "instances": [
        {
            "name": "build-server",
            "action": "migrated",
            "reason": null,
            "state": "Stopped",
            "method": "reflink",
            "bytes": 0,
            "snapshots": 3,
            "warnings": [
                "its mounts are gone",
                "its bridge\\u0007 is gone"
            ]
        }
    ],
    "aliases": [
        "default.ls",
        "work.top"
    ]
}
`,
    );
  });
});
