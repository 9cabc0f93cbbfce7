import { linkSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { multipassInProcess } from '../../support/in-process.js';
import { pretendToRun } from '../../support/pretend-to-run.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { makeInstance, test as storeTest } from '../../support/store-fixture.js';

/** What is offered for a line, in which the last word is being typed: the words, and what is offered beside. */
type Ask = (line: string) => Promise<{ words: string[]; beside: string }>;

const test = storeTest.extend<{ ask: Ask }>({
  ask: async ({ store: { layout } }, use) => {
    await use(async (line) => {
      const result = await multipassInProcess(['__complete', '--', ...line.split(' ')], layout);
      expect(result).toMatchObject({ stderr: '', exitCode: 0 });
      const [beside = '', ...lines] = result.stdout.split('\n').slice(0, -1);
      return { words: lines.map((one) => one.split('\t')[0] ?? ''), beside };
    });
  },
});

/** The words and what is beside them, in one text. */
const asText = ({ words, beside }: Awaited<ReturnType<Ask>>): string =>
  [...words, ...(beside === '' ? [] : [`(${beside})`])].join(' ');

describe('what is offered', () => {
  test('of the command: names, options, and values', async ({ ask }) => {
    const rows: [string, string][] = [
      ['c', 'clone completion console copy connect copy-files'],
      ['-v au', 'authenticate auth autostart'],
      ['clone --c', '--count --cold --cpus'],
      ['clone --cold --count 2 --c', '--cpus'],
      ['launch --mount /a --mo', '--mount'],
      ['list --format ', 'table json csv yaml'],
      ['ls --format=y', '--format=yaml'],
      ['clone --format=', '--format=table --format=json'],
      ['doctor --f', '--fix --format'],
      ['doctor --format ', 'table json yaml'],
      ['image --image-format ', 'raw'],
      ['mount -t n', 'native'],
      ['clone --name ', ''],
      ['list ', ''],
      ['clone a ', ''],
      ['help se', 'set settings'],
      ['help res', 'restart restore'],
      ['help set ', ''],
      ['completion ', 'bash zsh fish'],
      ['image ', 'list import remove'],
      ['image import ', '(files)'],
      ['image list ', ''],
      ['launch ', '(files)'],
      ['launch --cloud-init ', '(files)'],
      ['launch --cloud-init=x', '(files)'],
      ['launch --mount ', '(folders)'],
      ['migrate --from ', '(folders)'],
      ['mount ', '(folders)'],
      ['exec web -- l', '(files)'],
      ['exec web l', '(files)'],
      [
        'exec -',
        '-d --working-directory -n --no-map-working-directory --quiet --progress -h --help -v --verbose',
      ],
      ['frobnicate ', '(files)'],
      ['list --snapshots=', '(files)'],
    ];
    for (const [line, offered] of rows) {
      expect([line, asText(await ask(line))]).toEqual([line, offered]);
    }
    expect((await ask('')).words).not.toContain('__complete');
    expect((await ask('list --')).words).not.toContain('--no-ipv4');
  });

  test('instances: those that the command can take, and none twice', async ({ store, ask }) => {
    const { layout } = store;
    const web = await makeInstance(layout, 'web', { data: 0, tags: 1 });
    await writeSnapshot(web, snapshotRecord(1, { name: 'clean' }));
    const mount = { source: '/tmp', type: 'classic' as const, uidMappings: [], gidMappings: [] };
    const mounts = [{ ...mount, target: '/srv' }];
    await makeInstance(layout, 'asleep', { data: 0, otherTags: ['suspend'] });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    await pretendToRun(await makeInstance(layout, 'up', { data: 0, spec: { mounts } }));
    const broken = await makeInstance(layout, 'torn', { data: 0 });
    await writeFile(broken.spec, '{');
    await mkdir(layout.instance('$(touch pwned)').path);
    await writeFile(layout.instance('$(touch pwned)').file('x'), '');
    const rows: [string, string][] = [
      ['start ', 'asleep web'],
      ['start web ', 'asleep'],
      ['stop ', 'up'],
      ['suspend ', 'up'],
      ['restart u', 'up'],
      ['clone ', 'web'],
      ['clone web.', 'web.clean'],
      ['clone --live ', 'up'],
      ['clone --live up ', ''],
      ['snapshot ', 'web'],
      ['snapshot --live ', 'up'],
      ['restore ', 'web. (nospace)'],
      ['restore web.', 'web.clean'],
      ['recover ', 'gone'],
      ['delete ', 'asleep torn up web'],
      ['delete web ', 'asleep torn up'],
      ['delete web.c', 'web.clean'],
      ['info ', 'asleep gone torn up web'],
      ['shell ', 'asleep up web'],
      ['rename ', 'web'],
      ['rename web ', ''],
      ['mount /tmp w', 'web: (nospace)'],
      ['mount /tmp up: web: asleep: ', ''],
      ['mount /tmp up: asleep: ', 'web: (nospace)'],
      ['umount ', 'up'],
      ['umount up:', 'up:/srv'],
      ['transfer u', 'up: (files nospace)'],
      ['transfer up:', '(files)'],
      ['alias u', 'up: (nospace)'],
    ];
    for (const [line, offered] of rows) {
      expect([line, asText(await ask(line))]).toEqual([line, offered]);
    }
  });

  test('settings with their values, aliases and their contexts', async ({ store, ask }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await multipassInProcess(['alias', 'web:top', 'monitor'], layout);
    await multipassInProcess(['alias', 'web:top', 'a b'], layout);
    await multipassInProcess(['prefer', 'work'], layout);
    await multipassInProcess(['alias', 'web:top', 'other'], layout);
    await multipassInProcess(['prefer', 'default'], layout);
    const rows: [string, string][] = [
      [
        'get local.web.',
        'local.web.autostart local.web.bridged local.web.cpus local.web.disk local.web.memory',
      ],
      ['set local.web.c', 'local.web.cpus= (nospace)'],
      [
        'set local.network=',
        'local.network=auto local.network=shared local.network=user local.network=bridge',
      ],
      ['set local.host-loopback=f', 'local.host-loopback=false'],
      ['set client.primary-name=', 'client.primary-name=web'],
      ['set local.web.bridged=', 'local.web.bridged=true'],
      ['set local.web.autostart=', 'local.web.autostart=true local.web.autostart=false'],
      ['set local.default.cloud-init=/', '(files)'],
      ['set local.web.cpus=', ''],
      ['mon', 'monitor'],
      ['monitor ', '(files)'],
      ['unalias ', 'monitor'],
      ['prefer ', 'default work'],
    ];
    for (const [line, offered] of rows) {
      const { words, beside } = await ask(line);
      expect([line, asText({ words, beside })]).toEqual([line, offered]);
    }
  });

  test('images that are in the store', async ({ store, ask, root }) => {
    const file = `${root}.raw`;
    await writeFile(file, Buffer.alloc(1 << 20));
    await multipassInProcess(['image', 'import', file, '--image-format', 'raw'], store.layout);
    const lines = ['launch ', 'image remove ', 'set local.default.image=', 'find '];
    for (const line of lines) {
      const { words } = await ask(line);
      expect(words).toEqual([expect.stringMatching(/\.raw$/)]);
    }
    const { layout } = store;
    const [image = ''] = readdirSync(layout.images);
    const web = await makeInstance(layout, 'web', { data: 0 });
    linkSync(layout.image(image).disk, web.base(image));
    expect(await Promise.all(lines.map(async (line) => (await ask(line)).words.length))).toEqual([
      ...[1, 0, 1, 1],
    ]);
  });

  test('nothing of a store that cannot be read, and the commands all the same', async ({
    store,
    ask,
  }) => {
    await writeFile(store.layout.formatFile, '{"format": 99}');
    expect(asText(await ask('clone '))).toBe('');
    expect(asText(await ask('set local.web.'))).toBe('');
    expect(asText(await ask('cl'))).toBe('clone');
  });
});
