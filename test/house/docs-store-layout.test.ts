import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JsonPlace } from '../../src/files/decoder.js';
import { recordText } from '../../src/files/record.js';
import { SOCKETS } from '../../src/qemu/machine.js';
import { readCommit } from '../../src/store/commit.js';
import { initialiseStore } from '../../src/store/format.js';
import { BASE_FILE, INSTANCE_FILES, InstanceDir } from '../../src/store/instance-dir.js';
import { StoreLayout } from '../../src/store/layout.js';
import { newToken } from '../../src/store/maker-token.js';
import { decodeAliases } from '../../src/vm/aliases/alias-record.js';
import { cloneAction } from '../../src/vm/clone/policy.js';
import { ROOT_ENTRIES } from '../../src/vm/doctor/strangers.js';
import { decodeVaultRecord } from '../../src/vm/images/vault-record.js';
import { decodeImageRecord } from '../../src/vm/records/image-record.js';
import { readMachine } from '../../src/vm/records/machine-record.js';
import { decodePending } from '../../src/vm/records/pending-record.js';
import { decodeSnapshotRecord } from '../../src/vm/records/snapshot-record.js';
import { decodeSpec } from '../../src/vm/records/spec.js';
import { STORE_SETTINGS } from '../../src/vm/settings/store-settings.js';
import { codeLines, codeSpans, readDocument, section, tableRows } from './documents.js';
import { decoded, described, type Decoded, type Shape } from './record-shape.js';

const DOCUMENT = readDocument('docs/store-layout.md');
const UUID = '8a1f3c52-7a64-4e1c-9d5e-2f7c1a9b0e11';

const MAPPING = { host: 1000, guest: -1 };
const SPEC = {
  uuid: UUID,
  vmgenid: UUID,
  cpus: 1,
  memory: 1,
  disk: 1,
  sshUser: 'ubuntu',
  sshKey: null,
  interfaces: [{ mac: '52:54:00:00:00:01', network: null, auto: true }],
  mounts: [
    {
      source: '/a',
      target: '/b',
      type: 'classic',
      uidMappings: [MAPPING],
      gidMappings: [MAPPING],
    },
  ],
  snapshotHead: 0,
  deleted: false,
  forwards: [{ address: '127.0.0.1', hostPort: 8080, guestPort: 80, protocol: 'udp' }],
  autostart: true,
};
const IMAGE = {
  id: '',
  release: '',
  os: '',
  version: '',
  query: { release: '', remote: '', type: 'alias' },
  lineage: {
    sourceUuid: UUID,
    sourceName: 'web',
    snapshot: null,
    created: '',
    strategy: 'copy',
  },
  migratedFrom: {
    name: 'web',
    mac: null,
    disk: { inode: '1', size: '1', mtimeNs: '1' },
    created: '',
  },
};
const SNAPSHOT = {
  index: 1,
  name: 'snapshot1',
  comment: '',
  parent: 0,
  created: '',
  cpus: 1,
  memory: 1,
  disk: 1,
  interfaces: SPEC.interfaces,
  mounts: SPEC.mounts,
  instanceId: null,
};
const MACHINE = {
  machine: {
    arch: 'x86_64',
    type: 'q35',
    accelerator: 'tcg',
    cpus: 1,
    memory: 1,
    uuid: UUID,
    vmgenid: UUID,
    hasSeed: true,
    cards: [
      { mac: '52:54:00:00:00:01', backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: 1 } },
      {
        mac: '52:54:00:00:00:02',
        backend: { kind: 'tap', tap: 'mp0123456789-0', bridge: 'br0', within: 'host' },
      },
    ],
    shares: [{ tag: 'm1', path: '/a', security: 'none' }],
    seenAs: { uid: 0, gid: 0 },
  },
  started: '',
};

const ALIASES = {
  format: 1,
  active: 'default',
  contexts: {
    work: { ls: { instance: 'web', uuid: UUID, command: 'ls', workingDirectory: 'map' } },
  },
};

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'docs-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

function placeOf(record: unknown): JsonPlace {
  return JsonPlace.parse('record.json', JSON.stringify(record));
}

/** What the getters of an object answer with, as far as that is a text. */
function pathsOf(layout: StoreLayout | InstanceDir): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(layout) as object))
    .filter(([, descriptor]) => Object.hasOwn(descriptor, 'get'))
    .map(([name]) => Reflect.get(layout, name) as unknown)
    .filter((value) => typeof value === 'string');
}

function expectDescribed(text: Decoded, code: Decoded, inherited: Shape = {}): void {
  const keys = Object.fromEntries(
    Object.entries(text.keys).map(([name, shape]) => [
      name,
      Object.keys(shape).length === 0 ? (inherited[name] ?? {}) : shape,
    ]),
  );
  expect(keys).toEqual(code.keys);
  for (const [place, choices] of text.choices) {
    expect(code.choices.get(place), place).toEqual(choices);
  }
}

describe('the store, as docs/store-layout.md has it', () => {
  it('has these folders and files', () => {
    const layout = new StoreLayout('/store');
    const paths = pathsOf(layout).map((path) => relative(layout.root, path).split('/')[0]);
    const lines = codeLines(DOCUMENT).filter((line) => /^\S/.test(line));
    const named = lines.flatMap((line) => line.split(/ {2,}/)[0]!.split(', '));
    const entries = named.filter((name) => !name.startsWith('.')).map((name) => name.split('/')[0]);
    // Beside the file that it is about.
    expect(new Set(entries)).toEqual(new Set(paths));
    // What it does not know it tells of.
    for (const entry of entries) expect(ROOT_ENTRIES).toContain(entry);
  });

  it('has these files in the folder of an instance, and a clone does that with them', () => {
    const rows = tableRows(section(DOCUMENT, "An instance's folder"));
    const names = rows.map(([file]) => codeSpans(file!)[0]?.replace(/\/$/, ''));
    const patterns = ['base-<id>.qcow2', '*.json.<number>', undefined];
    expect(names.sort()).toEqual([...Object.values(INSTANCE_FILES), ...patterns].sort());
    expect('base-abc.qcow2').toMatch(BASE_FILE);
    const words = {
      disk: 'copied',
      copy: 'copied',
      link: 'linked',
      rewrite: 'rewritten',
      drop: 'dropped',
    };
    for (const [file, , becomes] of rows) {
      const name = codeSpans(file!)[0] ?? 'notes.txt';
      const example = name.replace(/\/$/, '').replace('<id>', 'abc').replace('<number>', '12');
      const action = cloneAction(example.replace('*', 'spec'));
      expect(becomes!.split(/[:;,]/)[0], name).toBe(words[action]);
    }
  });

  it('has these files of a run', () => {
    const dir = new InstanceDir('/store/instances/web');
    const known = pathsOf(dir)
      .filter((path) => path.startsWith(`${dir.run}/`))
      .map((path) => basename(path));
    const { keys } = described(section(DOCUMENT, 'run/'));
    const named = Object.keys(keys).map((name) => name.replace(/\/$/, ''));
    const ofKeeper = ['<tag>.pid', '<tag>.log', '<tag>.fifo', '<tag>.passwd', '<tag>.filter'];
    const others = [SOCKETS, 'qemu.log', 'missing', ...ofKeeper];
    expect(named.sort()).toEqual([...known, ...others].sort());
  });
});

describe('the records, as docs/store-layout.md has them', () => {
  const spec = described(section(DOCUMENT, 'spec.json'));
  const image = described(section(DOCUMENT, 'image-record.json'));

  it('spec.json', () => {
    expectDescribed(
      spec,
      decoded(() => decodeSpec(placeOf(SPEC))),
    );
  });

  it('image-record.json', () => {
    expectDescribed(
      image,
      decoded(() => decodeImageRecord(placeOf(IMAGE))),
    );
  });

  it('image-record.json of an image', () => {
    const more = described(section(DOCUMENT, 'image-record.json of an image'));
    const record = { ...IMAGE, aliases: [''], remote: '', created: '' };
    expectDescribed(
      { keys: { ...image.keys, ...more.keys }, choices: image.choices },
      decoded(() => decodeVaultRecord(placeOf(record))),
    );
  });

  it('snapshots/NNNN.json', () => {
    expectDescribed(
      described(section(DOCUMENT, 'snapshots/NNNN.json')),
      decoded(() => decodeSnapshotRecord(placeOf(SNAPSHOT))),
      spec.keys,
    );
  });

  it('run/machine.json', async () => {
    const dir = new InstanceDir(folder);
    await mkdir(dir.run);
    await writeFile(dir.machine, recordText(MACHINE));
    expectDescribed(
      described(section(DOCUMENT, 'run/machine.json')),
      decoded(() => readMachine(dir)),
    );
  });

  it('settings.json', () => {
    const named = codeSpans(section(DOCUMENT, 'settings.json')).filter((code) =>
      /^(?:client|local)\./.test(code),
    );
    expect(named.sort()).toEqual(Object.keys(STORE_SETTINGS).sort());
  });

  it('aliases.json', () => {
    const { keys } = decoded(() => decodeAliases(placeOf(ALIASES)));
    const { keys: text, choices } = described(section(DOCUMENT, 'aliases.json'));
    expect(Object.keys(text)).toEqual(Object.keys(keys));
    expect(text['contexts']).toEqual(keys['contexts']?.['work']?.['ls']);
    expect(choices.get('contexts/workingDirectory')).toEqual(['map', 'default']);
  });

  it('a commit', async () => {
    const layout = new StoreLayout(join(folder, 'store'));
    await initialiseStore(layout);
    const entry = `${newToken()}.commit`;
    const publication = { token: 'a.b', name: 'web', stem: 'web', uuid: UUID, inode: '1' };
    const decisions: Shape = {};
    for (const decision of ['publish', 'undo']) {
      await writeFile(layout.staged(entry), recordText({ [decision]: [publication] }));
      const { keys } = decoded(() => {
        expect(readCommit(layout, entry).publications).toEqual([publication]);
      });
      for (const [key, shape] of Object.entries(keys)) {
        decisions[key] = { ...decisions[key], ...shape };
      }
    }
    const { keys } = described(section(DOCUMENT, 'Several instances at once'));
    expect(keys).toEqual(decisions);
  });
});

describe('pending.json, as docs/store-layout.md has it', () => {
  const text = section(DOCUMENT, 'pending.json');
  const rows = tableRows(text);
  const values: Readonly<Record<string, unknown>> = {
    tag: '@s1',
    size: 1,
    backing: 'base-abc.qcow2',
    id: '0'.repeat(24),
    resume: true,
    thaw: true,
    record: SNAPSHOT,
  };

  const pendingOf = (operation: string, records: Readonly<Record<string, unknown>> = {}) =>
    placeOf({ operation, arguments: values, records });

  it('has these operations, each with its argument', () => {
    const operations = rows.map(([operation]) => codeSpans(operation!)[0]!);
    for (const [index, operation] of operations.entries()) {
      const { keys, choices } = decoded(() => decodePending(pendingOf(operation)));
      expect(choices.get('operation')).toHaveLength(operations.length);
      expect(choices.get('operation')).toContain(operation);
      expect(Object.keys(keys['arguments']!), operation).toEqual(codeSpans(rows[index]![1]!));
    }
    expect(new Set(operations).size).toBe(operations.length);
  });

  it('has these keys', () => {
    const { keys } = decoded(() => decodePending(pendingOf('rewrite')));
    expect(Object.keys(described(text).keys).sort()).toEqual(Object.keys(keys).sort());
  });

  it('changes these files', () => {
    const [, item = ''] = /^- `records`:(.*?)\n\n/ms.exec(text) ?? [];
    const named = codeSpans(item);
    const seed = named.filter((name) => /^[a-z-]+$/.test(name));
    const files = named.filter((name) => !seed.includes(name));
    const records = {
      'spec.json': SPEC,
      'snapshots/0002.json': null,
      'cloud-init-config.iso': Object.fromEntries(seed.map((name) => [name, ''])),
    };
    expect(files.sort()).toEqual(Object.keys(records).sort());
    decodePending(pendingOf('rewrite', records));
    // It takes no other file of an instance.
    for (const name of Object.values(INSTANCE_FILES)) {
      if (files.includes(name)) continue;
      expect(() => decodePending(pendingOf('rewrite', { [name]: {} })), name).toThrow(/expected/);
    }
  });
});
