import { MacAddress } from '../../../src/net/mac-address.js';
import type {
  BrokenInstanceView,
  ReadableInstanceView,
  RuntimeInfo,
  SnapshotView,
} from '../../../src/vm/views.js';
import type { SnapshotRecord } from '../../../src/vm/records/snapshot-record.js';

const GIB = 1024 ** 3;

/** A stopped instance of Ubuntu 24.04 without mounts. */
export function sampleView(
  name: string,
  change: Partial<ReadableInstanceView> = {},
): ReadableInstanceView {
  return {
    name,
    state: 'Stopped',
    spec: {
      uuid: '0f5b0f5e-8b0d-4f39-9a5b-5d3b6f2f1a01',
      vmgenid: '0f5b0f5e-8b0d-4f39-9a5b-5d3b6f2f1a02',
      cpus: 2,
      memory: GIB,
      disk: 5 * GIB,
      sshUser: 'ubuntu',
      sshKey: null,
      interfaces: [{ mac: MacAddress.parse('52:54:00:12:34:56'), network: null, auto: true }],
      mounts: [],
      snapshotHead: 0,
      deleted: false,
      forwards: [],
      autostart: false,
    },
    image: {
      id: 'c0ffee0123456789c0ffee0123456789',
      release: '24.04 LTS',
      os: 'Ubuntu',
      version: '20260518',
      query: { release: 'lts', remote: '', type: 'alias' },
      lineage: null,
      migratedFrom: null,
    },
    runtime: null,
    ...change,
  };
}

/** What a running guest tells; disk 1.5 of 4 GiB, memory 0.25 of 1 GiB. */
export const SAMPLE_RUNTIME: RuntimeInfo = {
  ipv4: ['10.0.7.21', '192.168.80.3'],
  release: 'Ubuntu 24.04.1 LTS',
  cpuCount: 2,
  load: ['0.31', '0.20', '0.07'],
  diskUsed: 1.5 * GIB,
  diskTotal: 4 * GIB,
  memoryUsed: GIB / 4,
  memoryTotal: GIB,
};

export const BROKEN_VIEW: BrokenInstanceView = {
  name: 'cracked',
  state: 'Broken',
  problem: {
    path: 'instances/cracked/spec.json',
    at: '/cpus',
    message: 'expected an integer',
    hint: 'Repair the file by hand.',
  },
};

/** A snapshot of a machine with 2 CPUs, 1 GiB of memory and 5 GiB of disk. */
export function sampleSnapshot(
  instance: string,
  record: Partial<SnapshotRecord> & Pick<SnapshotRecord, 'index' | 'name'>,
  place: Partial<Pick<SnapshotView, 'parent' | 'children'>> = {},
): SnapshotView {
  return {
    instance,
    hasMemory: record.machine !== undefined,
    record: {
      comment: '',
      parent: 0,
      created: '2026-03-04T05:06:07.890Z',
      cpus: 2,
      memory: GIB,
      disk: 5 * GIB,
      interfaces: [],
      mounts: [],
      instanceId: null,
      ...record,
    },
    parent: null,
    children: [],
    ...place,
  };
}
