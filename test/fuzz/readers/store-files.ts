import { join, relative } from 'node:path';
import { bootId } from '../../../src/process/start-time.js';
import { newToken } from '../../../src/store/maker-token.js';
import { checkStoreFormat } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { parseRow, rowText } from '../../../src/store/mac-table.js';
import { makerOf, makerState } from '../../../src/store/maker-token.js';
import { notedProcess } from '../../../src/store/pid-file.js';
import { parsePortRow, portRowName } from '../../../src/store/port-row.js';
import { readCommit } from '../../../src/store/commit.js';
import { holderPurposes } from '../../../src/store/lock-holders.js';
import { knownGuests } from '../../../src/net/bridge/known-guests.js';
import { readBridgeRecord } from '../../../src/net/bridge/bridge-record.js';
import { readMachine } from '../../../src/vm/records/machine-record.js';
import { readMemory } from '../../../src/vm/records/memory-record.js';
import { isToStop } from '../../../src/vm/records/stop-record.js';
import { readFindings } from '../../../src/vm/run/accelerator-record.js';
import { readSettingsFile } from '../../../src/vm/settings/settings-file.js';
import { reader, texts, type FuzzedReader, type Grammar } from '../reader.js';
import { MACHINE, SPEC } from './record-samples.js';

/** A file of a store at its place in it. */
function inStore(
  name: string,
  fileOf: (layout: StoreLayout) => string,
  samples: readonly (string | object)[],
  read: (layout: StoreLayout) => unknown,
  grammar: Grammar = 'json',
): FuzzedReader {
  return reader({
    name,
    grammar,
    opens: true,
    samples: () => texts(...samples),
    read: (input, place) => {
      const layout = new StoreLayout(place.folder);
      place.file(relative(layout.root, fileOf(layout)), input);
      return read(layout);
    },
  });
}

/** Between the name of an instance and the token of who holds it, in names of notes. */
const SEPARATOR = '@';

const PUBLICATION = {
  ...{ token: '0a1b2c3d4e5f.0a1b2c3d4e5f.1.2.3.0123456789abcdef', name: 'web', stem: null },
  ...{ uuid: SPEC.uuid, inode: '12345' },
};
const NOTED = { pid: 1, startTime: '12', boot: SPEC.uuid };

export const storeFiles = [
  inStore(
    'store-format',
    (layout) => layout.formatFile,
    [{ format: 1 }, { format: 99 }],
    checkStoreFormat,
  ),
  inStore(
    'settings',
    (layout) => layout.settingsFile,
    [{ 'local.driver': 'qemu', 'client.primary-name': 'primary', 'local.network': 'user', x: 1 }],
    readSettingsFile,
  ),
  inStore(
    'accelerators',
    (layout) => layout.acceleratorFile,
    [{ boot: bootId(), works: true, told: false }, {}],
    readFindings,
  ),
  inStore(
    'commit',
    (layout) => layout.staged('x.commit'),
    [{ publish: [PUBLICATION] }, { undo: [PUBLICATION, { ...PUBLICATION, stem: 'web' }] }],
    (layout) => readCommit(layout, 'x.commit'),
  ),
  inStore(
    'machine-record',
    (layout) => layout.instance('web').machine,
    [{ machine: MACHINE, started: '2026-11-30T10:00:00.000Z' }],
    (layout) => readMachine(layout.instance('web')),
  ),
  inStore(
    'memory-record',
    (layout) => layout.instance('web').memory,
    [
      {
        ...{
          level: 'full',
          machine: MACHINE,
          qemu: '7.2.22',
          processor: null,
          knownHosts: 'h k\n',
        },
        cards: [
          { mac: '52:54:00:12:34:56', subnet: '10.1.2.0/24', address: '10.1.2.3', tap: 'lone1' },
        ],
        ...{ sourceUuid: SPEC.uuid, saved: '2026-11-30T10:00:00.000Z' },
      },
    ],
    (layout) => readMemory(layout.instance('web')),
  ),
  inStore(
    'stop-record',
    (layout) => layout.instance('web').stopAt,
    [{ at: '2026-11-30T10:00:00.000Z' }],
    (layout) => isToStop(layout.instance('web')),
  ),
  inStore(
    'bridge-record',
    (layout) => join(layout.network, 'network.json'),
    [{ bridge: 'mpbr0a1b2c3d', subnet: '10.1.2.0/24', mac: '52:54:00:12:34:56' }],
    (layout) => readBridgeRecord(layout.network),
  ),
  inStore(
    'known-guests',
    (layout) => join(layout.network, 'guests.json'),
    [{ guests: [{ mac: '52:54:00:12:34:56', tap: 'mp0a1b2c3d4e-1', address: '10.1.2.3' }] }],
    (layout) => knownGuests(layout.network),
  ),
  inStore(
    'pid-file',
    (layout) => join(layout.root, 'x.pid'),
    [NOTED, { ...NOTED, pid: process.pid }],
    (layout) => notedProcess(join(layout.root, 'x.pid'), null),
  ),
  inStore(
    'lock-holders',
    (layout) => join(layout.locks, `web${SEPARATOR}${newToken()}`),
    [{ purpose: 'clone', pid: 1, since: '2026-11-30T10:00:00.000Z' }],
    holderPurposes,
  ),
  reader({
    name: 'mac-row',
    grammar: 'lines',
    samples: () => texts(`${SPEC.uuid}\n12345\n`, SPEC.uuid),
    read: (input) => parseRow(input.toString('utf8')),
    problem: (row) =>
      row.uuid.includes('\n') || rowText(row) === '' ? 'more than a line' : undefined,
  }),
  reader({
    name: 'port-row',
    grammar: 'lines',
    samples: () => texts('tcp-127.0.0.1-8080', 'udp-0.0.0.0-53'),
    read: (input) => parsePortRow(input.toString('utf8')),
    problem: (row, input) =>
      row === undefined || portRowName(row) === input.toString('utf8') ? undefined : 'another row',
  }),
  reader({
    name: 'maker-token',
    grammar: 'lines',
    samples: () => texts(newToken(), '0a1b2c3d4e5f.0a1b2c3d4e5f.1.2.3.0123456789abcdef.commit'),
    read: (input) => [makerState(input.toString('utf8')), makerOf(input.toString('utf8'))],
  }),
];
