import { describe, expect } from 'vitest';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipass, type CommandResult } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';

const MANY = 16;

/** Runs a command many times at once. */
async function atOnce(args: readonly string[], store: string): Promise<CommandResult[]> {
  return await Promise.all(Array.from({ length: MANY }, () => multipass(args, { store })));
}

interface Listed {
  readonly name: string;
  readonly state: string;
}

/** Lists again and again until `work` is done; no list may fail or show anything but whole instances. */
async function watched<T>(store: string, work: Promise<T>): Promise<T> {
  const over = new AbortController();
  const looking = (async () => {
    while (!over.signal.aborted) {
      const { stdout, stderr, exitCode } = await multipass(['list', '--format', 'json'], { store });
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const { list } = JSON.parse(stdout) as { list: Listed[] };
      expect(list.filter(({ state }) => state !== 'Stopped' && state !== 'Deleted')).toEqual([]);
      expect(new Set(list.map(({ name }) => name)).size).toBe(list.length);
    }
  })();
  const [result] = await Promise.all([work.finally(() => over.abort()), looking]);
  return result;
}

describe('many processes at once', () => {
  test('clone one source without names, and all get one', async ({ store }) => {
    await makeInstance(store.layout, 'web', { tags: 1 });
    const results = await watched(store.root, atOnce(['clone', 'web'], store.root));
    expect(results.filter(({ exitCode, stderr }) => exitCode !== 0 || stderr !== '')).toEqual([]);
    const names = results.map(({ stdout }) => /^Cloned from web to (.*)\.\n$/.exec(stdout)?.[1]);
    const wanted = Array.from({ length: MANY }, (_, at) => `web-clone${at + 1}`);
    expect(names.toSorted()).toEqual(wanted.toSorted());
    expect(await expectSoundStore(store.layout)).toEqual(['web', ...wanted].toSorted());
  });

  test('clone to one name, and one of them gets it', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const args = ['clone', 'web', '--name', 'copy'];
    const results = await watched(store.root, atOnce(args, store.root));
    const winners = results.filter(({ exitCode }) => exitCode === 0);
    expect(winners.map(({ stdout }) => stdout)).toEqual(['Cloned from web to copy.\n']);
    for (const { stdout, stderr, exitCode } of results.filter((one) => !winners.includes(one))) {
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr).toMatch(
        /^clone failed: instance "copy" (already exists|is being prepared)\n {2}hint: /,
      );
    }
    expect(await expectSoundStore(store.layout)).toEqual(['copy', 'web']);
  });

  test('clone a source that another purges', async ({ store }) => {
    await makeInstance(store.layout, 'base', { data: 4 });
    const made: string[] = ['base'];
    for (const round of [1, 2, 3, 4]) {
      const run = (words: string) => multipass(words.split(' '), { store: store.root });
      await run(`clone base -n web`);
      const copies = [`a${round}`, `b${round}`, `c${round}`];
      const [purge, ...clones] = await Promise.all([
        run('delete --purge web'),
        ...copies.map((name) => run(`clone web -n ${name}`)),
      ]);
      expect(purge).toEqual({ stdout: '', stderr: '', exitCode: 0 });
      clones.forEach((clone, at) => {
        if (clone.exitCode === 0) made.push(copies[at] ?? '');
        else expect(clone.stderr).toMatch(/^clone failed: instance "web" does not exist\n/);
      });
      expect(await expectSoundStore(store.layout)).toEqual(made.toSorted());
    }
  });

  test('delete, recover, purge and clone in a storm', async ({ store }) => {
    const { root, layout } = store;
    for (const name of ['web', 'db']) await makeInstance(layout, name);
    const lines = [
      ...['clone web', 'delete db', 'clone db', 'recover db', 'clone web -n x', 'purge'],
      ...['delete x web', 'recover --all', 'clone x', 'delete -p x', 'recover web', 'info'],
    ];
    const storm = [0, 1, 2].map(async (worker) => {
      const results: (CommandResult & { line: string })[] = [];
      for (const at of lines.keys()) {
        const line = lines[(at * (2 * worker + 1) + worker) % lines.length] ?? '';
        results.push({ line, ...(await multipass(line.split(' '), { store: root })) });
      }
      return results;
    });
    const results = (await watched(root, Promise.all(storm))).flat();
    const said = results.map(({ stderr }) => stderr).join('');
    const told = said.split('\n').filter((line) => !/^( {2}hint: .*|)$/.test(line));
    expect(told.filter((line) => !EXPECTED.test(line))).toEqual([]);
    await expectSoundStore(layout);
  });
});

/** All that may stand in the way of somebody in the storm. */
const EXPECTED = new RegExp(
  '^(\\w+ failed: )?(The following errors occurred:|' +
    'instance "[\\w-]+" (does not exist|is deleted|already exists|is being prepared)|' +
    'instance "[\\w-]+" changed .*|Deleted all the same: .*)$',
);
