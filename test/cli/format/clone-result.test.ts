import { expect, it } from 'vitest';
import { cloneJson } from '../../../src/cli/format/clone-result.js';
import { formatJson } from '../../../src/cli/format/json.js';

it('prints the JSON of the design, its keys in that order', () => {
  const json = formatJson(
    cloneJson({
      dryRun: false,
      source: 'web',
      snapshot: null,
      strategy: 'reflink',
      consistency: 'stopped',
      bytesToCopy: 4096,
      bytesShared: 8192,
      fits: true,
      memoryBytes: null,
      clones: [
        {
          name: 'web-clone1',
          identity: {
            macs: [{ interface: 'default', old: '52:54:00:00:00:01', new: '52:54:00:00:00:02' }],
            uuid: { old: 'u1', new: 'u2' },
            vmgenid: { old: 'g1', new: 'g2' },
            instanceId: { old: 'i1', new: 'u2' },
            hostname: { old: 'web', new: 'web-clone1' },
          },
          atFirstBoot: ['machine_id', 'ssh_host_keys'],
          unchanged: [],
        },
      ],
      warnings: ['it is old'],
      timingsMs: { copy: 1.5 },
    }),
  );
  expect(json).toBe(`{
    "dry_run": false,
    "source": "web",
    "snapshot": null,
    "strategy": "reflink",
    "consistency": "stopped",
    "bytes_to_copy": 4096,
    "bytes_shared": 8192,
    "memory_bytes": null,
    "fits": true,
    "clones": [
        {
            "name": "web-clone1",
            "identity": {
                "macs": [
                    {
                        "interface": "default",
                        "old": "52:54:00:00:00:01",
                        "new": "52:54:00:00:00:02"
                    }
                ],
                "uuid": {
                    "old": "u1",
                    "new": "u2"
                },
                "vmgenid": {
                    "old": "g1",
                    "new": "g2"
                },
                "instance_id": {
                    "old": "i1",
                    "new": "u2"
                },
                "hostname": {
                    "old": "web",
                    "new": "web-clone1"
                }
            },
            "at_first_boot": [
                "machine_id",
                "ssh_host_keys"
            ],
            "unchanged": [
            ]
        }
    ],
    "warnings": [
        "it is old"
    ],
    "timings_ms": {
        "copy": 1.5
    }
}
`);
});
