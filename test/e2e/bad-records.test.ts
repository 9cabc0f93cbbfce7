import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { readYaml } from '../support/read-yaml.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, test as storeTest } from '../support/store-fixture.js';
import { multipass } from '../support/command.js';
import { multipassInProcess } from '../support/in-process.js';

/** A store with `web`, whose records go bad, and `other`, which must not mind. */
const test = storeTest.extend<{ web: InstanceDir }>({
  web: async ({ store }, use) => {
    await makeInstance(store.layout, 'other', { data: 0 });
    await use(
      await makeInstance(store.layout, 'web', {
        data: 0,
        spec: {
          mounts: [
            {
              source: '/src',
              target: '/dst',
              type: 'classic',
              uidMappings: [{ host: 1, guest: -1 }],
              gidMappings: [],
            },
          ],
        },
      }),
    );
  },
});

const RECORDS = ['spec', 'imageRecord'] as const;

interface Listed {
  readonly name: string;
  readonly state: string;
  readonly problem?: { path: string; at: string; message: string; hint: string };
}

/** Looks at the store with `list`; `other` must be there, and `web` be well or Broken with the reason why. */
async function look(layout: StoreLayout, path: string): Promise<Listed> {
  const { stdout, stderr, exitCode } = await multipassInProcess(
    ['list', '--format', 'json'],
    layout,
  );
  expect(exitCode).toBe(0);
  const { list } = JSON.parse(stdout) as { list: Listed[] };
  const [other, web] = list;
  expect(list.map(({ name }) => name)).toEqual(['other', 'web']);
  expect(other?.state).toBe('Stopped');
  if (web?.state === 'Broken') {
    expect(web.problem?.path).toBe(layout.relative(path));
    expect(web.problem?.message).toContain(path);
    expect(stderr).toContain(`instance "web" is broken: `);
  }
  return web!;
}

/** Every value in a JSON document, by its pointer (RFC 6901). */
function pointersOf(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [at, ...Object.entries(value).flatMap(([key, item]) => pointersOf(item, `${at}/${key}`))];
}

/** The document with another value at a pointer; undefined takes it away. */
function withValue(document: unknown, pointer: string, value: unknown): string {
  const keys = pointer.split('/').slice(1);
  const last = keys.pop();
  if (last === undefined) return value === undefined ? '' : JSON.stringify(value);
  const copy = structuredClone(document) as Record<string, unknown>;
  let parent = copy;
  for (const key of keys) parent = parent[key] as Record<string, unknown>;
  parent[last] = value;
  return JSON.stringify(copy);
}

const WRONG_VALUES: readonly unknown[] = [
  ...[undefined, null, true, -1, 1.5, 2 ** 60, '', 'x', '../x', '\u0000', [], [null], {}],
  { constructor: 1 },
];

describe.for(RECORDS)('a bad %s', (record) => {
  test('is told wherever it ends', async ({ store, web }) => {
    const path = web[record];
    const bytes = await readFile(path);
    for (let length = 0; length < bytes.length - 1; length += 1) {
      await writeFile(path, bytes.subarray(0, length));
      expect({ length, ...(await look(store.layout, path)) }).toMatchObject({ state: 'Broken' });
    }
  });

  test('is told, or does no harm, whatever byte of it is wrong', async ({ store, web }) => {
    const path = web[record];
    const bytes = await readFile(path);
    const outcomes = new Map<string, number>();
    for (const wrong of [0x22, 0x39, 0xff]) {
      for (let at = 0; at < bytes.length; at += 1) {
        await writeFile(path, bytes.with(at, wrong));
        const { state } = await look(store.layout, path);
        outcomes.set(state, (outcomes.get(state) ?? 0) + 1);
      }
    }
    expect(outcomes.get('Broken')).toBeGreaterThan(bytes.length);
  });

  test('is told, with the place, when a value is of the wrong kind', async ({ store, web }) => {
    const path = web[record];
    const document: unknown = JSON.parse(await readFile(path, 'utf8'));
    const told = new Set<string>();
    for (const pointer of pointersOf(document)) {
      for (const value of WRONG_VALUES) {
        await writeFile(path, withValue(document, pointer, value));
        const { problem } = await look(store.layout, path);
        if (problem === undefined) continue;
        told.add(pointer);
        expect(related(problem.at, pointer), `${problem.at} for ${pointer}`).toBe(true);
      }
    }
    expect([...told]).toEqual(pointersOf(document));
  });
});

/** True when one place holds the other. */
function related(at: string, pointer: string): boolean {
  return `${at}/`.startsWith(`${pointer}/`) || `${pointer}/`.startsWith(`${at}/`);
}

describe('a Broken instance', () => {
  test('is listed, with the reason on stderr and in JSON', async ({ store, web }) => {
    const spec: unknown = JSON.parse(await readFile(web.spec, 'utf8'));
    await writeFile(web.spec, withValue(spec, '/uuid', 7));
    const reason = /^instance "web" is broken: cannot read ".*\/web\/spec.json" at \/uuid: /;
    const [table, csv, yaml, info] = await Promise.all(
      [['list'], ['list', '--format', 'csv'], ['list', '--format', 'yaml'], ['info']].map((args) =>
        multipass(args, { store: store.root }),
      ),
    );
    for (const result of [table, csv, yaml, info]) {
      expect(result?.exitCode).toBe(0);
      expect(result?.stderr).toMatch(reason);
      expect(result?.stderr).toMatch(/\n {2}hint: Repair the file by hand/);
    }
    expect(table?.stdout).toMatch(/^other +Stopped .*\nweb +Broken +-- +Not Available$/m);
    expect(csv?.stdout).toContain('\nweb,Broken,,,Not Available,""\n');
    expect(readYaml(yaml?.stdout ?? '')).toMatchObject({
      web: [{ state: 'Broken', problem: { path: 'instances/web/spec.json', at: '/uuid' } }],
    });
    expect(info?.stdout).toContain('File:           instances/web/spec.json at /uuid\n');
  });

  test('is refused by all that would change it, and kept as it is', async ({ store, web }) => {
    const text = await readFile(web.spec);
    await writeFile(web.spec, text.subarray(0, 100));
    const before = await hashTree(web.path);
    for (const words of [
      'clone web',
      'delete web',
      'recover web',
      'info web.x',
      'info other web.x',
    ]) {
      const { stdout, stderr, exitCode } = await multipass(words.split(' '), { store: store.root });
      expect({ words, stdout, exitCode }).toEqual({ words, stdout: '', exitCode: 2 });
      expect(stderr).toContain(`cannot read "${web.spec}": not valid JSON: `);
    }
    expect(await multipass(['purge'], { store: store.root })).toMatchObject({ exitCode: 0 });
    expect(await multipass(['delete', '--all'], { store: store.root })).toMatchObject({
      stderr: '',
      exitCode: 0,
    });
    expect(await multipass(['recover', '--all'], { store: store.root })).toMatchObject({
      stderr: '',
      exitCode: 0,
    });
    expect(await hashTree(web.path)).toEqual(before);
    await multipass(['delete', '--purge', 'web'], { store: store.root });
    expect((await multipass(['list'], { store: store.root })).stdout).not.toContain('web');
  });
});
