import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { multipassInProcess } from '../support/in-process.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { makeOva, makeRaw } from '../vm/foreign/support.js';

describe('a machine of another program', () => {
  test('is told in words and as JSON when it comes in', async ({ root, store: { layout } }) => {
    const folder = join(root, '..');
    const raw = await makeRaw(join(folder, 'plain.img'));
    const ova = await makeOva(join(folder, 'parts'), raw, join(folder, 'shop.ova'));
    const text = await multipassInProcess(['import', ova, '-n', 'one', '-c', '1'], layout);
    expect(text).toMatchObject({ exitCode: 0 });
    expect(text.stdout.split('\n').slice(0, 3)).toEqual([
      'Imported one, which was shop & co (ova).',
      'Kept: digests shop.ovf and shop-disk1.vmdk are what shop.mf says, memory 768.0MiB',
      'Changed: network card, VmxNet3 to virtio-net: its MAC address is a new one',
    ]);
    expect(text.stdout).toContain('Changed: cpus, 2 to 1: as asked for\n');
    const json = await multipassInProcess(['import', ova, '-n', 'two', '--format', 'json'], layout);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ imported: 'two', kind: 'ova', digest: null, identity: 'new', lost: [] },
      changed: expect.arrayContaining([
        expect.objectContaining({ what: 'disk', from: 'vmdk', to: 'qcow2' }),
      ]) as unknown,
    });
    await writeFile(join(folder, 'x'), 'no machine\n');
    const refused = await multipassInProcess(['import', join(folder, 'x')], layout);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('is not a usable image: it is a text');
    const odd = await multipassInProcess(['import', ova, '--image-format', 'qcow2'], layout);
    expect(odd.exitCode).toBe(1);
  });

  test('is told in words and as JSON when it goes out', async ({ root, store: { layout } }) => {
    await makeInstance(layout, 'web');
    const folder = join(root, '..', 'out');
    const text = await multipassInProcess(['to', 'libvirt', 'web', folder], layout);
    expect(text).toMatchObject({ exitCode: 0 });
    expect(text.stdout).toMatch(/^Wrote web for libvirt into .*out\.\nKept: cpus 1, memory /);
    expect(text.stdout).toContain(`Next:\n  virsh define ${folder}/web.xml\n  virsh start web\n`);
    const words = ['to', 'ova', 'web', `${folder}-2`, '--format', 'json'];
    const json = await multipassInProcess(words, layout);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ...{ name: 'web', snapshot: null, target: 'ova', artifacts: ['web.ova'] },
    });
    for (const [wrong, message] of [
      [['to', 'libvrt', 'web', 'x'], 'Please say for which engine'],
      [['to', 'libvirt', 'web'], 'Please provide an engine'],
      [['copy', 'web', 'host'], 'Please provide the name of one instance, and a host'],
    ] as const) {
      const { exitCode, stderr } = await multipassInProcess([...wrong], layout);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(message);
    }
  });
});
