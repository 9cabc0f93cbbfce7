import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { layersBelow } from '../../../src/vm/disks/long-chain.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { contentOf } from '../../support/disk-content.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

/** The tests of this file are the steps of one story: each goes on where the one before it ended. */

/** What must not change when an instance is renamed, and must be another in a clone. */
interface Identity {
  readonly machineId: string;
  readonly hostKey: string;
  readonly mac: string;
  readonly uuid: string;
}

async function identityOf(guests: GuestStore, name: string): Promise<Identity> {
  const questions = [
    'cat /etc/machine-id',
    'sudo sha256sum /etc/hostkey',
    'cat /sys/class/net/e*/address',
    'sudo cat /sys/class/dmi/id/product_uuid',
  ];
  const answers = (await guests.sh(name, questions.join('; '))).split('\n');
  expect(answers).toHaveLength(questions.length);
  const [machineId = '', hostKey = '', mac = '', uuid = ''] = answers;
  return { machineId, hostKey, mac, uuid };
}

/** The files of a guest's user, as {@link hashed} has them. */
async function filesOf(guests: GuestStore, name: string): Promise<Record<string, string>> {
  // As they are on the disk.
  const line = 'sync; echo 3 | sudo tee /proc/sys/vm/drop_caches >/dev/null; cd; sha256sum *';
  const lines = (await guests.sh(name, line)).split('\n').map((one) => one.split(/ +/));
  return Object.fromEntries(lines.map(([hash = '', file = '']) => [file, hash] as const));
}

function hashed(contents: Readonly<Record<string, string>>): Record<string, string> {
  const hashOf = (content: string): string => createHash('sha256').update(content).digest('hex');
  return Object.fromEntries(
    Object.entries(contents).map(([file, content]) => [file, hashOf(content)] as const),
  );
}

/** What `yes` writes of a word into 8 MiB. */
function eightMebibytesOf(word: string): string {
  return `${word}\n`.repeat(2 ** 23 / (word.length + 1) + 1).slice(0, 2 ** 23);
}

function chainLengths(layout: StoreLayout, names: readonly string[]): number[] {
  return names.map((name) => layersBelow(layout.instance(name)));
}

/** What is in a guest that has changed all it had. */
function changed(name: string): Record<string, string> {
  return { shared: `${name}\n`, [name]: 'mine\n', big: eightMebibytesOf(name) };
}

const first: Record<string, Identity> = {};
let untouched = '';

describe('linked clones of a guest', () => {
  test('are made of what it has written, in no space of their own', async ({ guests }) => {
    const { layout } = guests;
    await guests.launch('web', '--disk', '1G');
    await guests.sh('web', 'cd; echo all >shared; echo web >old; sync');
    await guests.ok(['stop', 'web']);
    expect(await guests.ok(['clone', 'web', '--linked', '--count', '2'])).toBe(
      'Cloned from web to web-clone1.\nCloned from web to web-clone2.\n',
    );
    await expectNothingLeft(layout, {
      web: 'Stopped',
      'web-clone1': 'Stopped',
      'web-clone2': 'Stopped',
    });
    // The image, and on it what `web` has written.
    expect(chainLengths(layout, ['web', 'web-clone1', 'web-clone2'])).toEqual([2, 2, 2]);
    untouched = await contentOf(layout.instance('web-clone2'));
    expect(untouched).toBe(await contentOf(layout.instance('web')));
  });

  test('run beside it as machines of their own', async ({ guests }) => {
    await guests.ok(['start', 'web', 'web-clone1']);
    await expectNothingLeft(guests.layout, {
      web: 'Running',
      'web-clone1': 'Running',
      'web-clone2': 'Stopped',
    });
    for (const name of ['web', 'web-clone1']) {
      first[name] = await identityOf(guests, name);
      const { spec } = readInstance(guests.layout, name);
      expect(first[name]).toMatchObject({
        mac: spec.interfaces[0].mac.toString(),
        uuid: spec.uuid,
        machineId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      });
      expect(await guests.sh(name, 'hostname')).toBe(name);
    }
    for (const what of ['machineId', 'hostKey', 'mac', 'uuid'] as const) {
      expect(first['web-clone1']?.[what], what).not.toBe(first['web']?.[what]);
    }
  });

  test('write on it and read of it nothing but their own', async ({ guests }) => {
    const names = ['web', 'web-clone1'] as const;
    for (const name of names) {
      expect(await filesOf(guests, name)).toEqual(hashed({ shared: 'all\n', old: 'web\n' }));
    }
    // Both at the same time.
    const change = (name: string): string =>
      `cd; echo ${name} >shared; echo mine >${name}; rm old; yes ${name} | head -c 8388608 >big; sync`;
    await Promise.all(names.map((name) => guests.sh(name, change(name))));
    for (const name of names) expect(await filesOf(guests, name)).toEqual(hashed(changed(name)));
    await guests.ok(['stop', '--all']);
    // One that never ran has what there was when it was made.
    expect(await contentOf(guests.layout.instance('web-clone2'))).toBe(untouched);
  });
});

describe('a clone that is renamed', () => {
  test('is the same machine under another hostname', async ({ guests }) => {
    expect(await guests.ok(['rename', 'web-clone1', 'shop'])).toBe('Renamed web-clone1 to shop.\n');
    await guests.ok(['start', 'shop']);
    await expectNothingLeft(guests.layout, {
      shop: 'Running',
      web: 'Stopped',
      'web-clone2': 'Stopped',
    });
    expect(await guests.sh('shop', 'hostname')).toBe('shop');
    expect(await identityOf(guests, 'shop')).toEqual(first['web-clone1']);
    expect(await filesOf(guests, 'shop')).toEqual(hashed(changed('web-clone1')));
    await guests.ok(['stop', 'shop']);
  });

  test('runs on when it is flattened and nothing else is left', async ({ guests }) => {
    const { layout } = guests;
    const before = await contentOf(layout.instance('shop'));
    expect(await guests.ok(['flatten', 'shop'])).toBe('');
    expect(await contentOf(layout.instance('shop'))).toBe(before);
    expect(readQcow2(layout.instance('shop').disk).backingFile).toBeNull();
    await guests.ok(['delete', '--purge', 'web', 'web-clone2']);
    await guests.ok(['purge', '--images']);
    await guests.ok(['start', 'shop']);
    await expectNothingLeft(layout, { shop: 'Running' });
    expect(await identityOf(guests, 'shop')).toEqual(first['web-clone1']);
    expect(await filesOf(guests, 'shop')).toEqual(hashed(changed('web-clone1')));
  });
});
