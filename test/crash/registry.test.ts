import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { CODE_CACHE, COMMAND } from '../support/bin.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance } from '../support/store-fixture.js';
import { meddlingProxy, type MeddlingProxy } from '../registry/proxy.js';
import { realRegistry, type RealRegistry } from '../registry/real-registry.js';

let folder: string;
let source: StoreLayout;
let registry: RealRegistry;
let proxy: MeddlingProxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-registry-'));
  source = new StoreLayout(join(folder, 'source'));
  await initialiseStore(source);
  await makeInstance(source, 'web', { thin: true, data: 0 });
  registry = await realRegistry();
  proxy = await meddlingProxy(registry.host);
});

afterEach(() => {
  proxy.meddle = () => undefined;
  proxy.forget();
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Runs the command, killed at its N-th request, which the registry gets or does not. @returns whether it was killed */
async function struckAt(
  strike: number,
  words: readonly string[],
  { store, arrives }: { store: string; arrives: boolean },
): Promise<boolean> {
  const [program, ...args] = COMMAND;
  const child = spawn(program, [...args, ...words], {
    stdio: 'ignore',
    env: { ...process.env, MULTIPASS_STORAGE: store, MULTIPASS_TS_CODE_CACHE: CODE_CACHE },
  });
  let count = 0;
  proxy.meddle = (_passing, answer) => {
    count += 1;
    if (count < strike) return undefined;
    child.kill('SIGKILL');
    if (!arrives) answer.destroy();
    return arrives ? undefined : true;
  };
  const [code] = (await once(child, 'exit')) as [number | null];
  proxy.meddle = () => undefined;
  if (code === null) return true;
  expect(code).toBe(0);
  return false;
}

/** What a tag names; undefined: nothing. */
async function digestAt(reference: string): Promise<string | undefined> {
  const accept = 'application/vnd.oci.image.manifest.v1+json';
  const [, path = '', tag = ''] = /^([^:]+):(.*)$/.exec(reference) ?? [];
  const url = `http://${registry.host}/v2/${path}/manifests/${tag}`;
  const answer = await fetch(url, { headers: { accept } });
  await answer.body?.cancel();
  return answer.status === 200 ? (answer.headers.get('docker-content-digest') ?? '') : undefined;
}

describe('killed at any of its requests', () => {
  it('a push leaves the tag as it was, or whole', async () => {
    const reference = `${proxy.host}/push/web:1`;
    let strikes = 0;
    for (let strike = 1; ; strike += 1) {
      // Every second one arrives, and is answered to nobody.
      const arrives = strike % 2 === 0;
      const how = { store: source.root, arrives };
      const wasKilled = await struckAt(strike, ['push', 'web', reference], how);
      if (!wasKilled) break;
      await sleep(arrives ? 50 : 0);
      strikes += 1;
      if (!proxy.seen.some(({ method, url }) => method === 'PUT' && url.includes('/manifests/'))) {
        expect(await digestAt('push/web:1')).toBeUndefined();
      }
      expect(await readdir(source.staging)).toEqual([]);
    }
    expect(strikes).toBeGreaterThan(4);
    expect(await digestAt('push/web:1')).toMatch(/^sha256:/);
    const other = join(folder, 'pulled');
    const words = [...COMMAND.slice(1), 'pull', `${registry.host}/push/web:1`];
    await run(COMMAND[0], words, storeOf(other));
    expect(await expectSoundStore(new StoreLayout(other))).toEqual(['web']);
  }, 120_000);

  it('a pull leaves nothing that the next command does not remove', async () => {
    const reference = `${proxy.host}/pull/web:1`;
    await struckAt(Infinity, ['push', 'web', reference], { store: source.root, arrives: true });
    const target = new StoreLayout(join(folder, 'target'));
    await mkdir(target.root, { mode: 0o700 });
    await initialiseStore(target);
    let strikes = 0;
    for (let strike = 1; ; strike += 1) {
      const words = ['pull', reference, '--name', `web-${strike}`];
      if (!(await struckAt(strike, words, { store: target.root, arrives: false }))) break;
      strikes += 1;
      expect(await readdir(target.instances)).toEqual([]);
    }
    expect(strikes).toBeGreaterThan(3);
    expect(await readdir(target.staging)).toEqual([]);
    expect(await expectSoundStore(target)).toEqual([`web-${strikes + 1}`]);
    const disks = [source.instance('web').disk, target.instance(`web-${strikes + 1}`).disk];
    await run('qemu-img', ['compare', '-q', ...disks]);
  }, 120_000);
});

describe('a registry that is killed', () => {
  it('and comes back gets what was under way, and the rest', async () => {
    const path = 'again/web:1';
    let strike = 0;
    let back = Promise.resolve();
    const began = struckAt(Infinity, ['push', 'web', `${proxy.host}/${path}`], {
      store: source.root,
      arrives: true,
    });
    proxy.meddle = ({ method }, answer) => {
      if (method !== 'PUT' || (strike += 1) !== 1) return undefined;
      back = registry.kill().then(async () => await registry.start());
      answer.destroy();
      return true;
    };
    expect(await began).toBe(false);
    await back;
    expect(strike).toBeGreaterThan(1);
    expect(await digestAt(path)).toMatch(/^sha256:/);
  }, 120_000);

  it('and stays away is told, and the store is as it was', async () => {
    const copy = join(folder, 'copy');
    await cp(source.root, copy, { recursive: true });
    await registry.kill();
    try {
      const words = ['push', 'web', `${registry.host}/gone/web`, '--format', 'json'];
      const options = { ...storeOf(copy), okExitCodes: [2] };
      const { stdout } = await run(COMMAND[0], [...COMMAND.slice(1), ...words], options);
      expect(stdout).toContain('REGISTRY_FAILED');
      expect(await readdir(join(copy, 'staging'))).toEqual([]);
    } finally {
      await registry.start();
    }
  }, 120_000);
});

/** Runs a command with another store. */
function storeOf(root: string): { cwd: string } {
  process.env['MULTIPASS_STORAGE'] = root;
  return { cwd: folder };
}
