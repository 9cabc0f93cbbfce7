import { describe, expect } from 'vitest';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipass, startMultipass } from '../support/command.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { expectSoundStore } from '../support/sound-store.js';
import { COLUMNS, drawn, inTerminal, screen } from './support/terminal.js';

/** The percentages that were shown. */
function percentages(written: string): number[] {
  return drawn(written).flatMap((line) =>
    Number(/: (\d+)%(?: \(\d+s\))? {2}.$/.exec(line)?.[1] ?? []),
  );
}

describe('on a terminal', () => {
  test.for([
    ['a copy', { data: 2 }],
    ['a conversion', { data: 8, tags: 1 }],
  ] as const)('a spinner turns and counts while %s takes long', async ([, made], { store }) => {
    await makeInstance(store.layout, 'web', made);
    const session = inTerminal('clone web', { store: store.root, programs: 'slow' });
    expect(await session.exitCode).toBe(0);
    const written = session.written();
    const lines = drawn(written);
    expect(lines[0]).toBe('Cloning web  -');
    expect(new Set(lines.map((line) => line.at(-1)))).toEqual(new Set('-\\|/'));
    const shown = percentages(written);
    expect(shown.filter((percentage) => percentage > 0 && percentage < 100)).not.toEqual([]);
    expect(shown).toEqual(shown.toSorted((a, b) => a - b));
    expect(screen(written)).toEqual(['Cloned from web to web-clone1.']);
    expect(await expectSoundStore(store.layout)).toEqual(['web', 'web-clone1']);
  });

  test('a value that is not given is asked for, a passphrase hidden and twice', async ({
    root,
  }) => {
    const ask = async (key: string, ...lines: readonly string[]) => {
      const session = inTerminal(`set ${key}`, { store: root });
      for (const [at, line] of lines.entries()) {
        await session.sees(at === 0 ? /: $/ : /re-enter passphrase: $/);
        session.type(line);
      }
      return { exitCode: await session.exitCode, written: session.written() };
    };
    const primary = await ask('client.primary-name', 'web\r');
    expect(primary.exitCode).toBe(0);
    expect((await multipass(['get', 'client.primary-name'], { store: root })).stdout).toBe('web\n');
    const right = await ask('local.passphrase', 'sex\u007fcret\r', 'secret\r');
    expect(right.exitCode).toBe(0);
    expect(screen(right.written)).toEqual([
      'Please enter passphrase: ',
      'Please re-enter passphrase: ',
    ]);
    const before = await multipass(['get', 'local.passphrase'], { store: root });
    expect(before.stdout).toBe('true\n');
    const wrong = await ask('local.passphrase', 'one\r', 'two\r');
    expect(wrong.exitCode).toBe(1);
    expect(wrong.written).toContain('Passphrases do not match');
    const stopped = await ask('local.passphrase', '\u0003');
    expect(stopped.exitCode).toBe(2);
    const unknown = inTerminal('set local.passphrse', { store: root });
    expect(await unknown.exitCode).toBe(2);
    expect(unknown.written()).toContain('Did you mean "local.passphrase"?');
  });

  test('a long name does not break the line', async ({ store }) => {
    const name = `w${'e'.repeat(61)}b`;
    await makeInstance(store.layout, name);
    const session = inTerminal(`clone ${name} -n x`, { store: store.root, programs: 'slow' });
    expect(await session.exitCode).toBe(0);
    expect(screen(session.written())).toEqual([`Cloned from ${name} to x.`]);
    const lengths = drawn(session.written()).map((line) => line.length);
    expect(Math.max(...lengths)).toBe(COLUMNS - 1);
  });

  test('an error stands where the spinner was', async ({ store }) => {
    const session = inTerminal('clone nope', { store: store.root });
    expect(await session.exitCode).toBe(2);
    expect(screen(session.written())).toEqual([
      'clone failed: instance "nope" does not exist',
      '  hint: See `multipass list` for the instances there are.',
    ]);
  });

  test('Ctrl-C stops a long copy, and says so', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 16 });
    const session = inTerminal('clone web', { store: store.root, programs: 'slow' });
    await session.sees(/Cloning web: \d+%/);
    session.type('\u0003');
    expect(await session.exitCode).toBe(130);
    expect(screen(session.written().replace('^C', ''))).toEqual([
      'clone failed: interrupted by SIGINT',
    ]);
    expect(await expectSoundStore(store.layout)).toEqual(['web']);
  });
});

describe('without a terminal', () => {
  /** Everything that a clone which takes long says on stderr. */
  async function saidByLongClone(store: string, ...options: string[]): Promise<string> {
    const clone = startMultipass(['clone', 'web', ...options], { store, programs: 'slow' });
    let said = '';
    clone.child.stderr?.on('data', (piece: Buffer) => (said += piece.toString('utf8')));
    const { stdout, exitCode } = await clone.finished;
    expect({ stdout, exitCode }).toEqual({
      stdout: 'Cloned from web to web-clone1.\n',
      exitCode: 0,
    });
    return said;
  }

  test('nothing turns, and what takes long is named once', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 10 });
    expect(await saidByLongClone(store.root)).toBe('Cloning web\n');
  });

  test('--quiet is silent, however long it takes', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 10 });
    expect(await saidByLongClone(store.root, '--quiet')).toBe('');
  });

  test('--progress json says how much is done, one object a line', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 4 });
    const lines = (await saidByLongClone(store.root, '--progress', 'json')).trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toEqual({
      event: 'progress',
      phase: 'copying',
      instance: expect.anything() as unknown,
      fraction: null,
      elapsed_ms: expect.any(Number) as unknown,
      message: null,
    });
    const fractions = events.flatMap(({ fraction }) => fraction ?? []) as number[];
    expect(fractions.some((fraction) => fraction > 0 && fraction < 1)).toBe(true);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ phase: 'publishing' });
  });
});

describe('what somebody else wrote', () => {
  /** Clears the screen in one byte, turns the line around, and ends with an escape. */
  const EVIL = '\u009B2J\u202Eevil\u001B[1m';
  const COMMANDS = [
    'info web.evil',
    'list --snapshots',
    ...['csv', 'json', 'yaml'].map((format) => `info --snapshots web --format ${format}`),
    'restore web.nope\u202E',
  ];

  test.for(COMMANDS)('steers no terminal: %s', async (line, { store: { layout } }) => {
    const web = await makeInstance(layout, 'web', { tags: 1, spec: { snapshotHead: 1 } });
    await writeSnapshot(web, { ...snapshotRecord(1), name: 'evil', comment: EVIL });
    const session = inTerminal(line, { store: layout.root });
    await session.exitCode;
    // The spinner's own sequence is ours.
    const written = session.written().replaceAll('\u001B[2K', '');
    expect(written).not.toBe('');
    for (const one of ['\u001B', '\u009B', '\u202E']) expect(written).not.toContain(one);
  });

  test('reaches a pipe as it is', async ({ store: { layout } }) => {
    const web = await makeInstance(layout, 'web', { tags: 1, spec: { snapshotHead: 1 } });
    await writeSnapshot(web, { ...snapshotRecord(1), name: 'evil', comment: EVIL });
    const { stdout } = await multipass(['info', 'web.evil', '--format', 'json'], {
      store: layout.root,
    });
    expect(JSON.stringify(JSON.parse(stdout))).toContain(JSON.stringify(EVIL).slice(1, -1));
  });
});
