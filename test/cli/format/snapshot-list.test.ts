import { describe, expect, it } from 'vitest';
import { formatSnapshotList } from '../../../src/cli/format/snapshot-list.js';
import { readYaml } from '../../support/read-yaml.js';
import { sampleSnapshot } from './sample-views.js';

const SNAPSHOTS = [
  sampleSnapshot(
    'web',
    {
      index: 1,
      name: 'after',
      created: '2026-03-05T00:00:00.000Z',
      comment: 'He said: "done"\nand left',
    },
    { parent: 'zero' },
  ),
  sampleSnapshot('web', { index: 2, name: 'zero', created: '2026-03-04T00:00:00.000Z' }),
  sampleSnapshot('db-of-the-archive', { index: 1, name: 'pristine', comment: 'Fresh' }),
];

describe('formatSnapshotList', () => {
  it('prints a table by instance and age, with comments cut at their first line', () => {
    expect(formatSnapshotList(SNAPSHOTS, 'table')).toBe(
      `Instance            Snapshot   Parent   Comment
db-of-the-archive   pristine   --       Fresh
web                 zero       --       --
web                 after      zero     He said: "done"…
`,
    );
  });

  it('cuts comments of more than 50 characters in the table', () => {
    const lastColumn = (comment: string) =>
      formatSnapshotList([sampleSnapshot('a', { index: 1, name: 'b', comment })], 'table')
        .split('\n')[1]
        ?.slice('Instance   Snapshot   Parent   '.length);
    expect(lastColumn('😀'.repeat(50))).toBe('😀'.repeat(50));
    expect(lastColumn('😀'.repeat(51))).toBe(`${'😀'.repeat(49)}…`);
    expect(lastColumn(`${'x'.repeat(60)}\nmore`)).toBe(`${'x'.repeat(49)}…`);
  });

  it('prints CSV with whole comments, quoted', () => {
    expect(formatSnapshotList(SNAPSHOTS, 'csv')).toBe(
      `Instance,Snapshot,Parent,Comment
db-of-the-archive,pristine,,"Fresh"
web,zero,,""
web,after,zero,"He said: ""done""
and left"
`,
    );
  });

  it('prints JSON with the snapshots of an instance by name', () => {
    expect(formatSnapshotList(SNAPSHOTS, 'json')).toBe(
      `{
    "errors": [
    ],
    "info": {
        "db-of-the-archive": {
            "pristine": {
                "comment": "Fresh",
                "parent": ""
            }
        },
        "web": {
            "after": {
                "comment": "He said: \\"done\\"\\nand left",
                "parent": "zero"
            },
            "zero": {
                "comment": "",
                "parent": ""
            }
        }
    }
}
`,
    );
  });

  it('prints YAML with the snapshots of an instance in a list', () => {
    const yaml = formatSnapshotList(SNAPSHOTS, 'yaml');
    expect(yaml).toBe(
      `db-of-the-archive:
  - pristine:
      - parent: ~
        comment: Fresh
web:
  - zero:
      - parent: ~
        comment: ~
  - after:
      - parent: zero
        comment: "He said: \\"done\\"\\nand left"
`,
    );
    expect(readYaml(yaml)).toMatchObject({
      web: [{}, { after: [{ comment: 'He said: "done"\nand left' }] }],
    });
  });

  it('says that there is nothing', () => {
    expect(formatSnapshotList([], 'table')).toBe('No snapshots found.\n');
    expect(formatSnapshotList([], 'csv')).toBe('Instance,Snapshot,Parent,Comment\n');
    expect(formatSnapshotList([], 'yaml')).toBe('\n');
    expect(JSON.parse(formatSnapshotList([], 'json'))).toEqual({ errors: [], info: {} });
  });
});
