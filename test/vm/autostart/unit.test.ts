import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect, vi } from 'vitest';
import { findProgram } from '../../../src/process/programs.js';
import { run } from '../../../src/process/run.js';
import { autostarted } from '../../../src/vm/autostart/autostarted.js';
import { installUnit, removeUnit } from '../../../src/vm/autostart/install-unit.js';
import { restInstances } from '../../../src/vm/autostart/rest-instances.js';
import { isLingering, UNIT, unitPlace } from '../../../src/vm/autostart/unit-place.js';
import { unitText } from '../../../src/vm/autostart/unit-text.js';
import { makeInstance, test as base } from '../../support/store-fixture.js';

const CONTENT = {
  command: ['/usr/bin/env', '/opt/multipass/bin.js'],
  store: '/home/ann/.local/share/multipass-ts',
  path: '/usr/bin:/bin',
};
const STRANGE = {
  command: ['/usr/bin/env', '/opt/$HOME "x" 100%h\\/bin.js'],
  store: '/srv/a "store" 50%u\t',
  path: '/bin',
};

/** A systemctl that notes what it is asked, and does what `script` says. */
const test = base.extend<{
  folder: string;
  place: { manager: 'user'; path: string };
  systemctl: (script: string) => Promise<void>;
  asked: () => Promise<string[]>;
}>({
  folder: async ({ root }, use) => {
    await mkdir(root, { recursive: true });
    await use(root);
  },
  place: async ({ root }, use) => {
    await use({ manager: 'user', path: join(root, 'config/systemd/user', UNIT) });
  },
  systemctl: async ({ root }, use) => {
    await use(async (script) => {
      const bin = join(root, 'bin');
      await mkdir(bin, { recursive: true });
      await writeFile(
        join(bin, 'systemctl'),
        `#!/bin/sh\necho "$*" >>'${root}/asked'\n${script}\n`,
      );
      await chmod(join(bin, 'systemctl'), 0o755);
      vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH'] ?? ''}`);
    });
  },
  asked: async ({ root }, use) => {
    await use(async () => (await readFile(join(root, 'asked'), 'utf8')).trimEnd().split('\n'));
  },
});

describe('the unit', () => {
  test('starts instances with its manager, and suspends them with it', () => {
    expect(unitText({ ...CONTENT, manager: 'user' })).toMatchInlineSnapshot(`
      "# Made by \`multipass autostart install\`, which writes it anew; \`multipass autostart remove\` removes it.
      [Unit]
      Description=Virtual machines of multipass-ts

      [Service]
      Type=oneshot
      RemainAfterExit=yes
      KillMode=process
      Environment="MULTIPASS_STORAGE=/home/ann/.local/share/multipass-ts"
      Environment="PATH=/usr/bin:/bin"
      ExecStart="/usr/bin/env" "/opt/multipass/bin.js" autostart start
      ExecStop="/usr/bin/env" "/opt/multipass/bin.js" autostart stop
      TimeoutStartSec=infinity
      TimeoutStopSec=110s

      [Install]
      WantedBy=default.target
      "
    `);
    const system = unitText({ ...CONTENT, manager: 'system' });
    expect(system).toContain('\nAfter=network-online.target\n');
    expect(system).toContain('\nTimeoutStopSec=10min\n');
    expect(system).toContain('\nWantedBy=multi-user.target\n');
  });

  test('has every path as systemd reads it', () => {
    const text = unitText({ ...STRANGE, manager: 'user' });
    expect(text).toContain(
      'ExecStop="/usr/bin/env" "/opt/$$HOME \\"x\\" 100%%h\\\\/bin.js" autostart stop\n',
    );
    expect(text).toContain('Environment="MULTIPASS_STORAGE=/srv/a \\"store\\" 50%%u\\x09"\n');
  });

  // Not every machine has systemd.
  test.runIf(findProgram('systemd-analyze') !== undefined).for([
    ['user', CONTENT],
    ['system', CONTENT],
    ['user', STRANGE],
  ] as const)(
    'is one that systemd has nothing to say of: %s',
    async ([manager, content], { folder }) => {
      // Where a user is not logged in, there is none.
      vi.stubEnv('XDG_RUNTIME_DIR', folder);
      const path = join(folder, UNIT);
      await writeFile(path, unitText({ ...content, manager }), { mode: 0o644 });
      await chmod(path, 0o644);
      const { stdout, stderr } = await run('systemd-analyze', [
        'verify',
        `--${manager}`,
        '--man=no',
        path,
      ]);
      const said = `${stdout}${stderr}`.split('\n').filter((line) => line.includes(UNIT));
      expect(said).toEqual([]);
    },
  );

  test('is where the systemd of whoever calls looks for it', () => {
    const isRoot = geteuid?.() === 0;
    const placed = (env: Record<string, string>): string => unitPlace(env, '/home/ann').path;
    expect([placed({}), placed({ XDG_CONFIG_HOME: '/cfg' })]).toEqual(
      isRoot
        ? [`/etc/systemd/system/${UNIT}`, `/etc/systemd/system/${UNIT}`]
        : [`/home/ann/.config/systemd/user/${UNIT}`, `/cfg/systemd/user/${UNIT}`],
    );
  });

  test('stays up without its user where systemd keeps a note of that', async ({ folder }) => {
    expect(isLingering(folder)).toBe(false);
    await writeFile(join(folder, userInfo().username), '');
    expect(isLingering(folder)).toBe(true);
  });
});

describe('installing the unit', () => {
  test('has systemd take it, and removing it takes it away', async ({
    place,
    systemctl,
    asked,
  }) => {
    await systemctl('exit 0');
    expect(await installUnit({ place, content: CONTENT })).toBe(true);
    expect(await readFile(place.path, 'utf8')).toBe(unitText({ ...CONTENT, manager: 'user' }));
    expect((await stat(place.path)).mode & 0o777).toBe(0o644);
    expect(await installUnit({ place, content: { ...CONTENT, store: '/other' } })).toBe(true);
    expect(await readFile(place.path, 'utf8')).toContain('MULTIPASS_STORAGE=/other');
    expect(await removeUnit({ place })).toBe(true);
    expect(await removeUnit({ place })).toBe(false);
    const installing = ['--user daemon-reload', `--user enable --now --no-block ${UNIT}`];
    expect(await asked()).toEqual([
      ...[...installing, ...installing],
      ...[`--user disable ${UNIT}`, '--user daemon-reload'],
    ]);
  });

  test('writes it where no systemd answers, and says what is left to do', async ({
    place,
    systemctl,
  }) => {
    await systemctl('echo "Failed to connect to bus" >&2; exit 1');
    const warnings: string[] = [];
    const work = { onWarning: (text: string) => void warnings.push(text) };
    expect(await installUnit({ place, content: CONTENT, work })).toBe(false);
    expect(await readFile(place.path, 'utf8')).toContain('ExecStart=');
    expect(await removeUnit({ place, work })).toBe(true);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^systemd could not be asked: .*Failed to connect to bus.* `systemctl --user enable --now --no-block /s,
      ),
      expect.stringMatching(/^systemd could not be asked: .* `systemctl --user disable /s),
    ]);
  });
});

test('instances that are chosen start, unless they are deleted or Broken', async ({
  store: { layout },
}) => {
  for (const [name, spec] of [
    ['web', { autostart: true }],
    ['db', { autostart: true }],
    ['pi', {}],
    ['gone', { autostart: true, deleted: true }],
    ['odd', { autostart: true }],
  ] as const) {
    await makeInstance(layout, name, { spec, seed: null, data: 0 });
  }
  await writeFile(layout.instance('odd').spec, '{');
  expect((await autostarted(layout)).map(({ name }) => name)).toEqual(['db', 'web']);
  expect(await restInstances({ layout }), 'nothing runs').toEqual([]);
});
