import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { Card, Machine } from '../../../src/qemu/machine.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { bridgedCards, readMachine, writeMachine } from '../../../src/vm/records/machine-record.js';
import { test as base } from '../../support/store-fixture.js';

const test = base.extend<{ dir: InstanceDir }>({
  dir: async ({ store }, use) => {
    const dir = store.layout.instance('web');
    await mkdir(dir.run, { recursive: true });
    await use(dir);
  },
});

const USER: Card = {
  mac: '52:54:00:00:00:01',
  backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: 40_001 },
};
const TAP: Card = {
  mac: '52:54:00:00:00:02',
  backend: { kind: 'tap', tap: 'mp0123456789-1', bridge: 'mpqemubr0', within: 'host' },
};
const MACHINE: Machine = {
  arch: 'x86_64',
  type: 'pc-i440fx-7.2',
  accelerator: 'tcg',
  cpus: 2,
  memory: 1024 ** 3,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: true,
  cards: [USER, TAP],
  shares: [{ tag: 'm0123', path: '/a, b', security: 'none' }],
  seenAs: { uid: 1000, gid: 1001 },
};
const RECORD = { machine: MACHINE, started: '2026-05-18T10:11:12.000Z' };

async function corrupt(dir: InstanceDir, change: Partial<Record<keyof Machine, unknown>>) {
  await writeFile(dir.machine, JSON.stringify({ ...RECORD, machine: { ...MACHINE, ...change } }));
}

describe('the record of what an instance runs on', () => {
  test('is read as it was written, with keys of later versions', async ({ dir }) => {
    await writeMachine(dir, RECORD);
    expect(readMachine(dir)).toEqual(RECORD);
    const withoutPort: Card = { ...USER, backend: { ...USER.backend, sshPort: null } as never };
    const record = { ...RECORD, machine: { ...MACHINE, cards: [withoutPort] }, colour: 'blue' };
    await writeMachine(dir, record);
    const again = readMachine(dir)!;
    expect(again.machine).toEqual(record.machine);
    await writeMachine(dir, again);
    expect(JSON.parse(await readFile(dir.machine, 'utf8'))).toMatchObject({ colour: 'blue' });
  });

  test('shares nothing when it is of before there were mounts', async ({ dir }) => {
    await corrupt(dir, { shares: undefined, seenAs: undefined });
    expect(readMachine(dir)?.machine).toMatchObject({ shares: [], seenAs: null });
  });

  test('is not there for an instance that never ran', ({ dir }) => {
    expect(readMachine(dir)).toBeUndefined();
    expect(bridgedCards(dir)).toEqual([]);
  });

  test.for<[string, Partial<Record<keyof Machine, unknown>>, string]>([
    ['a board that would become an option', { type: 'pc,kernel=/evil' }, '/machine/type'],
    ['a board that would be an option', { type: '-snapshot' }, '/machine/type'],
    ['a processor that would be a path', { arch: '../../bin/sh' }, '/machine/arch'],
    ['an accelerator there is not', { accelerator: 'magic' }, '/machine/accelerator'],
    ['no processors', { cpus: 0 }, '/machine/cpus'],
    ['a uuid that is none', { uuid: 'x,y' }, '/machine/uuid'],
    [
      'a MAC address that is none',
      { cards: [{ ...USER, mac: '52:54:00:00:00:01,addr=9' }] },
      '/machine/cards/0/mac',
    ],
    [
      'a subnet that would become an option',
      { cards: [{ ...USER, backend: { ...USER.backend, subnet: '10.1.2.0/24,smb=/' } }] },
      '/machine/cards/0/backend/subnet',
    ],
    [
      'a tap that would become an option',
      { cards: [USER, { ...TAP, backend: { ...TAP.backend, tap: 'a,script=/evil' } }] },
      '/machine/cards/1/backend/tap',
    ],
    [
      'a tap that is a card of the host',
      { cards: [{ ...TAP, backend: { ...TAP.backend, tap: 'eth0' } }] },
      '/machine/cards/0/backend/tap',
    ],
    [
      'a network of no kind',
      { cards: [{ ...TAP, backend: { kind: 'l2tp' } }] },
      '/machine/cards/0/backend/kind',
    ],
  ])('refuses %s, and says where it is', async ([, change, at], { dir }) => {
    await corrupt(dir, change);
    expect(() => readMachine(dir)).toThrow(`cannot read "${dir.machine}" at ${at}`);
  });

  test('tells the cards that the bridges of the host have seen', async ({ dir }) => {
    await writeMachine(dir, RECORD);
    expect(bridgedCards(dir)).toEqual([{ mac: TAP.mac, tap: 'mp0123456789-1', within: 'host' }]);
    await writeFile(dir.machine, 'not JSON');
    expect(bridgedCards(dir)).toEqual([]);
  });
});
