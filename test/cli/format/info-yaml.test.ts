import { describe, expect, it } from 'vitest';
import { formatInfo } from '../../../src/cli/format/info.js';
import { readYaml } from '../../support/read-yaml.js';
import { BROKEN, DB, SNAPSHOT, WEB } from './sample-info.js';

describe('formatInfo as YAML', () => {
  it('prints a list of one item for each instance', () => {
    const yaml = formatInfo({ instances: [WEB, DB], snapshots: [SNAPSHOT] }, 'yaml');
    expect(yaml).toBe(
      `errors:
  - ~
db:
  - state: Stopped
    snapshot_count: 0
    image_hash: c0ffee0123456789c0ffee0123456789
    image_release: 24.04 LTS
    release: ~
    cpu_count: ~
    disks:
      - sda1:
          used: ~
          total: ~
    memory:
      usage: ~
      total: ~
    ipv4:
      []
    mounts: ~
web:
  - state: Running
    snapshot_count: 2
    image_hash: c0ffee0123456789c0ffee0123456789
    image_release: 24.04 LTS
    release: Ubuntu 24.04.1 LTS
    cpu_count: 2
    load:
      - 0.31
      - 0.2
      - 0.07
    disks:
      - sda1:
          used: 1610612736
          total: 4294967296
    memory:
      usage: 268435456
      total: 1073741824
    ipv4:
      - 10.0.7.21
      - 192.168.80.3
    mounts:
      /home/ubuntu/data:
        uid_mappings:
          - "1000:default"
          - "1001:33"
        gid_mappings:
          - "1000:1000"
        source_path: /srv/data
      /mnt/all:
        uid_mappings:
          []
        gid_mappings:
          []
        source_path: /srv
    snapshots:
      - second:
          size: ~
          cpu_count: 2
          disk_space: 5.0GiB
          memory_size: 1.0GiB
          mounts:
            /home/ubuntu/data:
              uid_mappings:
                - "1000:default"
                - "1001:33"
              gid_mappings:
                - "1000:1000"
              source_path: /srv/data
            /mnt/all:
              uid_mappings:
                []
              gid_mappings:
                []
              source_path: /srv
          created: "2026-03-04T05:06:07.890Z"
          parent: first
          children:
            - fourth
            - third
          comment: "One: \\"two\\",\\n\\nthree"
`,
    );
    expect(readYaml(yaml)).toMatchObject({
      errors: [null],
      web: [{ snapshots: [{ second: { comment: 'One: "two",\n\nthree' } }] }],
    });
  });

  it('says what is wrong with a Broken instance, and what else went wrong', () => {
    const yaml = formatInfo({ instances: [BROKEN], snapshots: [], errors: ['it: broke'] }, 'yaml');
    expect(yaml).toContain(
      `errors:
  - "it: broke"
cracked:
  - state: Broken
    problem:
      path: instances/cracked/spec.json
      at: /cpus
`,
    );
  });
});
