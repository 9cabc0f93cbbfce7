import { execFileSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { COMMAND } from '../support/bin.js';
import { environment } from '../support/command.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { test } from './support/legacy-data.js';

const SCRIPT = fileURLToPath(new URL('../../examples/ansible-inventory.py', import.meta.url));

describe('the inventory for Ansible', () => {
  test('has what runs, by release', async ({ migrated }) => {
    const { layout } = migrated;
    for (const dir of ['web', 'old'].map((name) => layout.instance(name))) {
      await pretendToRun(dir);
      await writeFile(dir.answered, '');
    }
    // It has not let anybody in yet.
    await pretendToRun(layout.instance('db'));
    const programs = join(dirname(layout.root), 'programs');
    await mkdir(programs);
    const words = COMMAND.map((word) => `'${word}'`).join(' ');
    await writeFile(join(programs, 'multipass'), `#!/bin/sh\nexec ${words} "$@"\n`, {
      mode: 0o755,
    });
    const env = environment({ store: layout.root });
    env['PATH'] = `${programs}:${env['PATH'] ?? ''}`;
    const ask = (...args: string[]) => execFileSync(SCRIPT, args, { env, encoding: 'utf8' });
    expect(JSON.parse(ask('--list'))).toEqual({
      _meta: {
        hostvars: {
          'old.multipass': { multipass_name: 'old' },
          'web.multipass': { multipass_name: 'web' },
        },
      },
      multipass: { hosts: ['old.multipass', 'web.multipass'] },
      ubuntu_20_04_lts: { hosts: ['old.multipass'] },
      ubuntu_24_04_lts: { hosts: ['web.multipass'] },
    });
    expect(ask('--host', 'web.multipass')).toBe('{}\n');
  });
});
