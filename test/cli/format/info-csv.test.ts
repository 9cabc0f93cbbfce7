import { describe, expect, it } from 'vitest';
import { formatInfo } from '../../../src/cli/format/info.js';
import { BROKEN, DB, SNAPSHOT, WEB } from './sample-info.js';

describe('formatInfo as CSV', () => {
  const header =
    'Name,State,Ipv4,Ipv6,Release,Image hash,Image release,Load,Disk usage,Disk total,' +
    'Memory usage,Memory total,Mounts,AllIPv4,CPU(s),Snapshots';

  it('prints a line for each instance', () => {
    expect(formatInfo({ instances: [WEB, DB, BROKEN], snapshots: [] }, 'csv')).toBe(
      `${header}
cracked,Broken,,,,,,,,,,,,,,0
db,Stopped,,,,c0ffee0123456789c0ffee0123456789,24.04 LTS,,,,,,,,,0
web,Running,10.0.7.21,,Ubuntu 24.04.1 LTS,c0ffee0123456789c0ffee0123456789,24.04 LTS,\
0.31 0.20 0.07,1610612736,4294967296,268435456,1073741824,\
/srv/data => /home/ubuntu/data;/srv => /mnt/all,10.0.7.21;192.168.80.3,2,2
`,
    );
  });

  it('prints a line for each snapshot', () => {
    expect(formatInfo({ instances: [], snapshots: [SNAPSHOT] }, 'csv')).toBe(
      `Snapshot,Instance,CPU(s),Disk space,Memory size,Mounts,Created,Parent,Children,Comment
second,web,2,5.0GiB,1.0GiB,/srv/data => /home/ubuntu/data;/srv => /mnt/all,\
2026-03-04T05:06:07.890Z,first,fourth;third,"One: ""two"",

three"
`,
    );
  });

  it('refuses instances together with snapshots', () => {
    expect(() => formatInfo({ instances: [WEB], snapshots: [SNAPSHOT] }, 'csv')).toThrow(
      expect.objectContaining({
        code: 'USAGE',
        message: 'Mixed snapshot and instance arguments are not supported with CSV format',
      }),
    );
  });

  it('prints nothing for nothing', () => {
    expect(formatInfo({ instances: [], snapshots: [] }, 'csv')).toBe('');
  });
});
