import { OCI_MANIFEST } from '../../../src/registry/media-types.js';
import {
  CHUNK,
  chunkType,
  CONFIG_TYPE,
  INSTANCE_TYPE,
  WHOLE_FILE,
} from '../../../src/vm/travel/media-types.js';
import { IMAGE, SPEC } from './record-samples.js';

export const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

const layer = (offset: number, compression: 'gzip' | 'none'): object => ({
  mediaType: chunkType(compression),
  digest: DIGEST,
  size: 4096,
  annotations: {
    [CHUNK.file]: 'disk.qcow2',
    [CHUNK.offset]: String(offset),
    [CHUNK.size]: '65536',
    [CHUNK.content]: DIGEST,
  },
});

/** As `multipass export` writes it. */
export const MANIFEST = {
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  artifactType: INSTANCE_TYPE,
  config: { mediaType: CONFIG_TYPE, digest: DIGEST, size: 2345 },
  layers: [layer(0, 'gzip'), layer(65_536, 'none')],
  annotations: { 'org.opencontainers.image.title': 'web', [`${WHOLE_FILE}disk.qcow2`]: DIGEST },
};

const CARD = { card: 0, network: null, auto: true };

export const CONFIG = {
  format: 1,
  ...{ architecture: 'amd64', machine: 'pc', firmware: 'bios', name: 'web', cpus: 1 },
  ...{
    memory: 1024 ** 3,
    disk: 5 * 1024 ** 3,
    sshUser: 'ubuntu',
    interfaces: [CARD],
    snapshotHead: 1,
  },
  snapshots: [
    {
      ...{ index: 1, name: 'before', comment: '', parent: 0, created: '2026-11-30T10:00:00.000Z' },
      ...{ cpus: 1, memory: 1024 ** 3, disk: 1024 ** 3, interfaces: [CARD], instanceId: null },
    },
  ],
  mounts: [],
  image: { id: IMAGE.id, release: '24.04 LTS', os: 'Ubuntu', version: '1', query: IMAGE.query },
  files: [
    { name: 'disk.qcow2', size: 4096, backing: 'base-0123456789ab.qcow2', kept: null },
    { name: 'base-0123456789ab.qcow2', size: 4096, backing: null, kept: DIGEST },
  ],
  seed: [{ name: 'meta-data', data: 'aW5zdGFuY2UtaWQ6IHdlYgo=' }],
  authorizedKey: `ssh-ed25519 ${'A'.repeat(68)}`,
  identity: { uuid: SPEC.uuid, vmgenid: SPEC.vmgenid, macs: ['52:54:00:12:34:56'] },
  privateKey: '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n',
};

export const STREAM_INDEX = {
  format: 'index:1.0',
  index: {
    a: { datatype: 'image-ids', path: 'streams/v1/ids.json' },
    b: { datatype: 'image-downloads', path: 'streams/v1/b.json', products: ['c'] },
  },
};

const item = (digit: string): object => ({
  ...{ path: `disks/${digit}.img`, sha256: digit.repeat(64), size: 1000, ftype: 'disk1.img' },
});

export const STREAM_MANIFEST = {
  format: 'products:1.0',
  updated: 'Mon, 30 Nov 2026 10:00:00 +0000',
  products: {
    noble: {
      ...{ arch: 'amd64', aliases: '24.04, n,noble', os: 'ubuntu', release: 'noble' },
      ...{ release_title: '24.04 LTS', supported: true },
      versions: {
        '20260401': { items: { 'disk1.img': item('1') } },
        '20260518.1': { items: { 'disk1.img': item('2'), 'uefi1.img': item('3') } },
      },
    },
  },
};
