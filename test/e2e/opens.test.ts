import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { describe, expect } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { multipass } from '../support/command.js';
import { makeInstance, test } from '../support/store-fixture.js';

/**
 * How often one record is read by a command about one instance, or about all there are. A first look may refuse, and
 * under the lock the record is read again; whoever needs it a third time has lost what was read.
 */
const SPEC_AT_MOST = 2;
const STORE_AT_MOST = 1;

/** Command lines in a store with `web`, which has a snapshot `one`, `db`, `gone`, which is deleted, and `lost`, too. */
const COMMANDS: readonly string[] = [
  'list',
  'list --snapshots',
  'info',
  'info web db',
  'tree',
  'get local.web.cpus',
  'set local.web.cpus=2',
  'set local.web.disk=64MiB',
  'clone db',
  'clone web --name copy',
  'clone web --name copy --linked',
  'clone db --count 3 --linked',
  'clone web.one --name copy',
  'clone db --name copy --dry-run',
  'snapshot web',
  'restore web.one --destructive',
  'delete web',
  'delete web --purge',
  'delete --all',
  'delete web.one --purge',
  'recover gone',
  'recover --all',
  'purge',
  'purge --images',
  'rename db data',
  'flatten web',
  'mount {} web',
  'umount web',
  'stop web',
  'stop --all',
  'suspend web',
];

describe('opens of records', () => {
  test.for(COMMANDS)('%s', { timeout: 60_000 }, async (line, { store: { layout } }) => {
    await fill(layout);
    const shared = join(dirname(layout.root), 'shared');
    await mkdir(shared);
    const opens = await opensOf(line.replace('{}', shared).split(' '), layout);
    expect(opens.size).toBeGreaterThan(0);
    const tooMany = [...opens].filter(
      ([path, times]) => times > (path === 'store.json' ? STORE_AT_MOST : SPEC_AT_MOST),
    );
    expect(tooMany).toEqual([]);
  });
});

async function fill(layout: StoreLayout): Promise<void> {
  const small = { data: 0 } as const;
  await makeInstance(layout, 'web', { ...small });
  await makeInstance(layout, 'db', small);
  await makeInstance(layout, 'gone', { ...small, spec: { deleted: true } });
  await makeInstance(layout, 'lost', { ...small, spec: { deleted: true } });
  const taken = await multipass(['snapshot', 'web', '--name', 'one'], { store: layout.root });
  expect(taken).toMatchObject({ exitCode: 0 });
}

/** How often a command opens `store.json` and each `spec.json`, by the path below the store. */
async function opensOf(
  args: readonly string[],
  { root }: StoreLayout,
): Promise<Map<string, number>> {
  const log = join(dirname(root), 'opens.log');
  const through = ['strace', '-f', '-qq', '-e', 'trace=open,openat', '-o', log];
  expect(await multipass(args, { store: root, through })).toMatchObject({ exitCode: 0 });
  const opens = new Map<string, number>();
  for (const [, path = ''] of (await readFile(log, 'utf8')).matchAll(OPENED)) {
    const name = relative(root, path);
    opens.set(name, (opens.get(name) ?? 0) + 1);
  }
  return opens;
}

/** A line of strace, or the first half of one, for a record that is there. An O_PATH descriptor reads nothing. */
const OPENED = /open(?:at\(AT_FDCWD, |\()"([^"]+\/(?:spec|store)\.json)"(?!.*(?:ENOENT|O_PATH))/g;
