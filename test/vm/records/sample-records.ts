import fc from 'fast-check';
import { MacAddress } from '../../../src/net/mac-address.js';
import { RECORDED_STRATEGIES } from '../../../src/vm/records/image-record.js';

/** Arbitrary JSON of each kind of record, right in every known key, with unknown ones at every depth. */

const text = fc.string();
const isoTime = fc
  .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const size = fc.integer({ min: 1, max: 2 ** 48 });
const count = fc.integer({ min: 1, max: 512 });
const uuid = fc.uuid();
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => MacAddress.parse([...bytes].map(hex).join(':')).toString());

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

const later = fc.dictionary(
  fc.oneof(
    fc.constant('__proto__'),
    fc.string().map((key) => `x-${key}`),
  ),
  fc.jsonValue(),
  { maxKeys: 2 },
);

/** With keys of a later version, which come after the known ones, as they are written. */
function withLaterKeys<T extends object>(known: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.tuple(known, later).map(([own, more]) => ({ ...own, ...more }));
}

const idMapping = withLaterKeys(
  fc.record({ host: fc.nat(), guest: fc.integer({ min: -1, max: 65_535 }) }),
);

export const interfaceJson = withLaterKeys(
  fc.record({ mac, network: fc.option(text), auto: fc.boolean() }),
);

export const mountJson = withLaterKeys(
  fc.record({
    source: text,
    target: text.map((path) => `/${path}`),
    type: fc.constantFrom('classic', 'native'),
    uidMappings: fc.array(idMapping, { maxLength: 2 }),
    gidMappings: fc.array(idMapping, { maxLength: 2 }),
  }),
);

const port = fc.integer({ min: 1, max: 65_535 });

const forwardJson = withLaterKeys(
  fc.record({
    address: fc.ipV4(),
    hostPort: port,
    guestPort: port,
    protocol: fc.constantFrom('tcp', 'udp'),
  }),
);

export const specJson = withLaterKeys(
  fc.record({
    uuid,
    vmgenid: uuid,
    cpus: count,
    memory: size,
    disk: size,
    sshUser: fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/),
    sshKey: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/)),
    interfaces: fc.array(interfaceJson, { minLength: 1, maxLength: 3 }),
    mounts: fc.array(mountJson, { maxLength: 2 }),
    forwards: fc.array(forwardJson, { maxLength: 2 }),
    snapshotHead: fc.nat(9999),
    deleted: fc.boolean(),
    autostart: fc.boolean(),
  }),
);

export const snapshotJson = withLaterKeys(
  fc.record({
    index: fc.integer({ min: 1, max: 9999 }),
    name: text,
    comment: text,
    parent: fc.nat(9999),
    created: isoTime,
    cpus: count,
    memory: size,
    disk: size,
    interfaces: fc.array(interfaceJson, { maxLength: 2 }),
    mounts: fc.array(mountJson, { maxLength: 2 }),
    instanceId: fc.option(text),
  }),
);

const lineageJson = withLaterKeys(
  fc.record({
    sourceUuid: uuid,
    sourceName: text,
    snapshot: fc.option(text),
    created: isoTime,
    strategy: fc.constantFrom(...RECORDED_STRATEGIES),
  }),
);

const originJson = withLaterKeys(
  fc.record({
    name: text,
    mac: fc.option(mac),
    disk: withLaterKeys(fc.record({ inode: text, size: text, mtimeNs: text })),
    created: isoTime,
  }),
);

export const imageJson = withLaterKeys(
  fc.record({
    id: text,
    release: text,
    os: text,
    version: text,
    query: withLaterKeys(
      fc.record({ release: text, remote: text, type: fc.constantFrom('alias', 'file', 'http') }),
    ),
    lineage: fc.option(lineageJson),
    migratedFrom: fc.option(originJson),
  }),
);
