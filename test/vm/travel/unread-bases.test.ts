import { readFileSync } from 'node:fs';
import { chmod, open, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { realRegistry, type RealRegistry } from '../../registry/real-registry.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { MIB, pulled, pushed, requireSame, writeNoise } from './registry-support.js';
import { otherStore } from './support.js';

let registry: RealRegistry;

beforeAll(async () => {
  registry = await realRegistry();
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const SIZE = 32 * MIB;
/** What the rest of a push reads: the head, answers of the registry. */
const LITTLE = 8 * MIB;

/** How many bytes this process reads meanwhile. */
async function bytesRead(act: () => Promise<unknown>): Promise<number> {
  const read = (): number =>
    Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
  const before = read();
  await act();
  return read() - before;
}

/** A linked clone, on a base that is not quite young any more. */
async function makeLinked(layout: StoreLayout): Promise<string> {
  const source = await makeInstance(layout, 'web');
  await writeNoise(source.disk, SIZE, 0);
  await cloneInstance({ layout, source: 'web', name: 'copy', linked: true });
  const { disk } = layout.instance('copy');
  const [base = ''] =
    /base-[0-9a-z-]+\.qcow2/.exec((await readFile(disk)).toString('latin1')) ?? [];
  const path = layout.instance('copy').file(base);
  expect((await stat(path)).size).toBeGreaterThan(SIZE);
  // Which can be set again to the nanosecond.
  await utimes(path, 1_700_000_000, 1_700_000_000);
  await sleep(2100);
  await writeNoise(disk, MIB, 40 * MIB);
  return path;
}

describe('the base of a linked clone', () => {
  test('is read for the first push, and for no later one', async ({ root, store: { layout } }) => {
    await makeLinked(layout);
    const push = async (to: string) => await pushed(layout, 'copy', `${registry.host}/u/${to}`);
    expect(await bytesRead(() => push('copy:1'))).toBeGreaterThan(SIZE);
    await writeNoise(layout.instance('copy').disk, MIB, 50 * MIB);
    expect(await bytesRead(() => push('copy:2'))).toBeLessThan(LITTLE);
    // In another repository as well, and once more from there.
    expect(await bytesRead(() => push('other:1'))).toBeLessThan(LITTLE);
    expect(await bytesRead(() => push('other:2'))).toBeLessThan(LITTLE);
    const other = await otherStore(root);
    for (const reference of ['copy:2', 'other:2']) {
      const name = reference.replace(':', '-');
      await pulled(other, `${registry.host}/u/${reference}`, { name });
      await requireSame([layout, 'copy'], [other, name]);
    }
  });

  test('is read again once it was touched, also where its time was set back', async ({
    root,
    store: { layout },
  }) => {
    const base = await makeLinked(layout);
    const reference = `${registry.host}/touched/copy:1`;
    const first = await pushed(layout, 'copy', reference);
    const { mode } = await stat(base);
    await chmod(base, 0o600);
    {
      await using file = await open(base, 'r+');
      const { bytesRead: length, buffer } = await file.read(Buffer.alloc(512), 0, 512, SIZE);
      expect(length).toBe(512);
      for (let at = 0; at < 512; at += 1) buffer[at] = ~buffer[at]! & 0xff;
      await file.write(buffer, 0, 512, SIZE);
      await file.sync();
    }
    await utimes(base, 1_700_000_000, 1_700_000_000);
    await chmod(base, mode);
    // What is quite young is read for that alone.
    await sleep(2100);
    expect(await bytesRead(() => pushed(layout, 'copy', reference))).toBeGreaterThan(SIZE);
    const other = await otherStore(root);
    await pulled(other, reference, { name: 'now' });
    await requireSame([layout, 'copy'], [other, 'now']);
    await pulled(other, first.pinned, { name: 'then' });
    await expect(requireSame([other, 'now'], [other, 'then'])).rejects.toThrow();
  });

  test('is read again where the registry has lost what was known of it', async ({
    root,
    store: { layout },
  }) => {
    await makeLinked(layout);
    const first = await pushed(layout, 'copy', `${registry.host}/lost/copy:1`);
    const deleted = await fetch(`http://${registry.host}/v2/lost/copy/manifests/${first.digest}`, {
      method: 'DELETE',
    });
    expect(deleted.status).toBe(202);
    const push = () => pushed(layout, 'copy', `${registry.host}/lost/copy:2`);
    expect(await bytesRead(push)).toBeGreaterThan(SIZE);
    // What is written there is no reason to believe it.
    const noted = JSON.parse(await readFile(layout.registriesFile, 'utf8')) as {
      bases: { read: Record<string, string> }[];
    };
    for (const one of noted.bases) {
      for (const name of Object.keys(one.read)) one.read[name] = '1:2:3:4:5';
    }
    await writeFile(layout.registriesFile, JSON.stringify(noted));
    expect(await bytesRead(push)).toBeGreaterThan(SIZE);
    expect(await bytesRead(push)).toBeLessThan(LITTLE);
    const other = await otherStore(root);
    await pulled(other, `${registry.host}/lost/copy:2`);
    await requireSame([layout, 'copy'], [other, 'copy']);
  });
});
