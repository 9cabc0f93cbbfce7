import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { STORE_SETTINGS } from '../../src/vm/settings/store-settings.js';
import { multipassInProcess } from '../support/in-process.js';
import { test } from '../support/store-fixture.js';

const COMMANDS = allCommands(() => undefined).filter(({ hidden }) => hidden !== true);
const TOPICS = ['formats', 'settings', 'environment', 'exit-codes'];
const MAN = fileURLToPath(new URL('../../dist/man/multipass.1', import.meta.url));

describe('the help', () => {
  test('tells of arguments, options and examples of a command', async ({ store: { layout } }) => {
    const { stdout } = await multipassInProcess(['help', 'set'], layout);
    expect(stdout).toMatch(/^Arguments:\n {2}key +The setting, such as local\.network/m);
    expect(stdout).toMatch(/^ {2}value +What it is to be/m);
    expect(stdout).toContain(
      'Examples:\n  multipass set local.web.cpus=4\n      four CPUs for the instance web',
    );
  });

  test('lists the topics, and has each', async ({ store: { layout } }) => {
    const { stdout: all } = await multipassInProcess(['help'], layout);
    for (const topic of TOPICS) {
      const { stdout, exitCode } = await multipassInProcess(['help', topic], layout);
      const [title = ''] = stdout.split('\n');
      expect({ topic, exitCode }).toEqual({ topic, exitCode: 0 });
      expect(all).toMatch(new RegExp(`^ {2}${topic} +${title}$`, 'm'));
      expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    }
  });

  test('of settings has every key, with its values and what it is by default', async ({
    store: { layout },
  }) => {
    const { stdout } = await multipassInProcess(['help', 'settings'], layout);
    for (const key of Object.keys(STORE_SETTINGS)) expect(stdout).toContain(`  ${key} `);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('One of auto, kvm, tcg. By default auto.');
  });

  test('of formats says which command takes which', async ({ store: { layout } }) => {
    const { stdout } = await multipassInProcess(['help', 'formats'], layout);
    const csv = /^ {2}csv +(.*?)^ {2}yaml/ms.exec(stdout)?.[1]?.replaceAll(/\s+/g, ' ');
    expect(csv).toMatch(/For: aliases, find, forwards, image, info, list, networks, version\. $/);
  });

  test('guesses at what is no command and no topic', async ({ store: { layout } }) => {
    expect(await multipassInProcess(['help', 'setings'], layout)).toEqual({
      stdout: '',
      stderr: `Error: Unknown Command: 'setings'\n  hint: Did you mean "settings"?\n`,
      exitCode: 1,
    });
    expect(await multipassInProcess(['help', '--man', 'set'], layout)).toMatchObject({
      exitCode: 1,
    });
  });
});

describe('the manual page', () => {
  test('is what the command prints, and has every command and option', async ({
    store: { layout },
  }) => {
    const built = await readFile(MAN, 'utf8');
    const { stdout } = await multipassInProcess(['help', '--man'], layout);
    const withoutVersion = (text: string) => text.replace(/^\.TH .*/, '');
    expect(withoutVersion(built)).toBe(withoutVersion(stdout));
    for (const { name, options } of COMMANDS) {
      const [, section = ''] =
        new RegExp(
          `^\\.SS "multipass ${name.replace('-', String.raw`\\-`)}[ "](.*?)^\\.S[SH] `,
          'ms',
        ).exec(stdout) ?? [];
      const shown = options.filter(({ hidden }) => hidden !== true);
      for (const flag of shown.flatMap(({ flags }) => flags)) {
        expect(section, `${name} ${flag}`).toContain(
          String.raw`\fB${flag.replaceAll('-', '\\-')}\fR`,
        );
      }
      expect(section, name).not.toBe('');
    }
  });

  test('is read by groff without a complaint', async () => {
    const page = await readFile(MAN, 'utf8');
    // Lines that cannot be filled are no fault of the page.
    const shown = execFileSync('groff', ['-man', '-Tutf8', '-ww', '-Wbreak', '-P-cbou', '-'], {
      input: page,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    for (const heading of ['NAME', 'SYNOPSIS', 'COMMANDS', 'WHAT COMMANDS EXIT WITH', 'SEE ALSO']) {
      expect(shown).toMatch(new RegExp(`^${heading}$`, 'm'));
    }
    expect(shown).toContain('-n, --no-map-working-directory');
    expect(shown).toContain('128 + n');
  });
});
