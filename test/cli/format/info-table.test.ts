import { describe, expect, it } from 'vitest';
import { formatInfo } from '../../../src/cli/format/info.js';
import { BARE_SNAPSHOT, BROKEN, DB, RUNNING_VIEW, SNAPSHOT, WEB } from './sample-info.js';
import { SAMPLE_RUNTIME } from './sample-views.js';

describe('formatInfo as a table', () => {
  it('prints all that is known of a running instance', () => {
    expect(formatInfo({ instances: [WEB], snapshots: [] }, 'table')).toBe(
      `Name:           web
State:          Running
Snapshots:      2
IPv4:           10.0.7.21
                192.168.80.3
Release:        Ubuntu 24.04.1 LTS
Image hash:     c0ffee012345 (Ubuntu 24.04 LTS)
CPU(s):         2
Load:           0.31 0.20 0.07
Disk usage:     1.5GiB out of 4.0GiB
Memory usage:   256.0MiB out of 1.0GiB
Mounts:         /srv/data => /home/ubuntu/data
                    UID map: 1000:default, 1001:33
                    GID map: 1000:1000
                /srv      => /mnt/all
`,
    );
  });

  it('prints dashes for what a stopped instance does not tell', () => {
    const image = { ...DB.view.image, id: '', release: '' };
    const view = { ...DB.view, image };
    expect(formatInfo({ instances: [{ view, snapshotCount: 0 }], snapshots: [] }, 'table')).toBe(
      `Name:           db
State:          Stopped
Snapshots:      0
IPv4:           --
Release:        --
Image hash:     Not Available
CPU(s):         --
Load:           --
Disk usage:     --
Memory usage:   --
Mounts:         --
`,
    );
  });

  it('prints the hash alone when the release of the image is not known', () => {
    const view = { ...DB.view, image: { ...DB.view.image, release: '' } };
    expect(
      formatInfo({ instances: [{ view, snapshotCount: 0 }], snapshots: [] }, 'table'),
    ).toContain('Image hash:     c0ffee012345\n');
  });

  it('prints file, place and hint of a Broken instance', () => {
    expect(formatInfo({ instances: [BROKEN], snapshots: [] }, 'table')).toBe(
      `Name:           cracked
State:          Broken
File:           instances/cracked/spec.json at /cpus
Problem:        expected an integer
Hint:           Repair the file by hand.
`,
    );
  });

  it('prints snapshots, with the lines of a comment below each other', () => {
    const table = formatInfo({ instances: [], snapshots: [SNAPSHOT, BARE_SNAPSHOT] }, 'table');
    expect(table.replaceAll(/^Created: .*$/gm, 'Created:')).toBe(
      `Snapshot:       first
Instance:       web
CPU(s):         2
Disk space:     5.0GiB
Memory size:    1.0GiB
Mounts:         --
Created:
Parent:         --
Children:       --
Comment:        --

Snapshot:       second
Instance:       web
CPU(s):         2
Disk space:     5.0GiB
Memory size:    1.0GiB
Mounts:         /srv/data => /home/ubuntu/data
                /srv => /mnt/all
Created:
Parent:         first
Children:       fourth
                third
Comment:        One: "two",

                three
`,
    );
  });

  it('prints the time of a snapshot in the local zone, with its offset', () => {
    const table = formatInfo({ instances: [], snapshots: [SNAPSHOT] }, 'table');
    const created = /^Created: {8}(.*)$/m.exec(table)?.[1] ?? '';
    expect(created).toMatch(/^[A-Z][a-z]{2} Mar \d\d \d\d:\d\d:07 2026 GMT[+-]\d{4}$/);
    expect(new Date(created).toISOString()).toBe('2026-03-04T05:06:07.000Z');
  });

  it('puts the primary instance first, and an instance before its snapshots', () => {
    const items = { instances: [DB, BROKEN, WEB], snapshots: [SNAPSHOT], primary: 'web' };
    expect(formatInfo(items, 'table').match(/^(Name|Snapshot): +.*$/gm)).toEqual([
      'Name:           web',
      'Snapshot:       second',
      'Name:           cracked',
      'Name:           db',
    ]);
  });

  it('lets no text of the guest steer the terminal', () => {
    const runtime = { ...SAMPLE_RUNTIME, release: '\u001b]0;owned\u0007' };
    const view = { ...RUNNING_VIEW, runtime };
    expect(
      formatInfo({ instances: [{ view, snapshotCount: 0 }], snapshots: [] }, 'table'),
    ).toContain('Release:        \uFFFD]0;owned\uFFFD\n');
  });

  it('says that there is nothing', () => {
    const nothing = { instances: [], snapshots: [] };
    expect(formatInfo(nothing, 'table')).toBe('No instances found.\n');
    expect(formatInfo({ ...nothing, kind: 'snapshots' }, 'table')).toBe('No snapshots found.\n');
  });
});
