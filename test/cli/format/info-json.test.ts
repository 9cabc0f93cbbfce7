import { describe, expect, it } from 'vitest';
import { formatInfo } from '../../../src/cli/format/info.js';
import { BARE_SNAPSHOT, BROKEN, DB, RUNNING_VIEW, SNAPSHOT, WEB } from './sample-info.js';
import { BROKEN_VIEW, SAMPLE_RUNTIME } from './sample-views.js';

describe('formatInfo as JSON', () => {
  it('prints counts and disk sizes as strings, memory sizes as numbers, and keys sorted', () => {
    expect(formatInfo({ instances: [DB], snapshots: [] }, 'json')).toBe(
      `{
    "errors": [
    ],
    "info": {
        "db": {
            "cpu_count": "",
            "disks": {
                "sda1": {
                }
            },
            "forwards": [
            ],
            "image_hash": "c0ffee0123456789c0ffee0123456789",
            "image_release": "24.04 LTS",
            "ipv4": [
            ],
            "load": [
            ],
            "memory": {
            },
            "mounts": {
            },
            "release": "",
            "snapshot_count": "0",
            "state": "Stopped"
        }
    }
}
`,
    );
    expect(parsedInfo({ instances: [WEB], snapshots: [] })).toEqual({
      web: {
        cpu_count: '2',
        disks: { sda1: { used: '1610612736', total: '4294967296' } },
        forwards: [],
        image_hash: 'c0ffee0123456789c0ffee0123456789',
        image_release: '24.04 LTS',
        ipv4: ['10.0.7.21', '192.168.80.3'],
        load: [0.31, 0.2, 0.07],
        memory: { used: 268435456, total: 1073741824 },
        mounts: {
          '/home/ubuntu/data': {
            uid_mappings: ['1000:default', '1001:33'],
            gid_mappings: ['1000:1000'],
            source_path: '/srv/data',
          },
          '/mnt/all': { uid_mappings: [], gid_mappings: [], source_path: '/srv' },
        },
        release: 'Ubuntu 24.04.1 LTS',
        snapshot_count: '2',
        state: 'Running',
      },
    });
  });

  it('nests snapshots in their instance, whether that was asked for or not', () => {
    const first = {
      size: '',
      cpu_count: '2',
      disk_space: '5.0GiB',
      memory_size: '1.0GiB',
      mounts: {},
      created: '2026-01-01T00:00:00.000Z',
      parent: '',
      children: [],
      comment: '',
    };
    expect(parsedInfo({ instances: [], snapshots: [BARE_SNAPSHOT] })).toEqual({
      web: { snapshots: { first } },
    });
    expect(parsedInfo({ instances: [WEB], snapshots: [BARE_SNAPSHOT, SNAPSHOT] })).toMatchObject({
      web: {
        state: 'Running',
        snapshots: { first, second: { parent: 'first', children: ['fourth', 'third'] } },
      },
    });
  });

  it('says what is wrong with a Broken instance, and what else went wrong', () => {
    const text = formatInfo({ instances: [BROKEN], snapshots: [], errors: ['oh'] }, 'json');
    expect(JSON.parse(text)).toMatchObject({
      errors: ['oh'],
      info: { cracked: { state: 'Broken', image_hash: '', problem: BROKEN_VIEW.problem } },
    });
  });

  it('omits a load that is no number', () => {
    const view = { ...RUNNING_VIEW, runtime: { ...SAMPLE_RUNTIME, load: ['0.50', 'n/a'] } };
    expect(parsedInfo({ instances: [{ view, snapshotCount: 0 }], snapshots: [] })).toMatchObject({
      web: { load: [0.5] },
    });
  });

  function parsedInfo(items: Parameters<typeof formatInfo>[0]): unknown {
    return (JSON.parse(formatInfo(items, 'json')) as { info: unknown }).info;
  }
});
