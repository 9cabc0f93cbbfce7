import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { importAny } from '../../../src/vm/foreign/import-any.js';
import { handOver } from '../../../src/vm/outward/hand-over.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { guestImage } from '../../support/guests.js';

let folder: string;
let daemon: ChildProcess | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-libvirt-'));
  for (const name of ['run', 'config', 'cache', 'data']) await mkdir(join(folder, name));
});

afterAll(async () => {
  await virsh('destroy', 'web').catch(() => undefined);
  await virsh('undefine', 'web').catch(() => undefined);
  if (daemon?.exitCode === null) {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  }
  // The daemon has started one that keeps logs, which would stay for two minutes.
  const noted = await readFile(join(folder, 'run', 'libvirt', 'virtlogd.pid'), 'utf8').catch(
    () => '',
  );
  if (/^[0-9]+$/.test(noted.trim())) process.kill(Number(noted), 'SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

function environment(): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOME: folder,
    XDG_RUNTIME_DIR: join(folder, 'run'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    XDG_CACHE_HOME: join(folder, 'cache'),
    XDG_DATA_HOME: join(folder, 'data'),
  };
}

/** The daemon of a session is never root's: that one would be the whole host's. */
const IS_ROOT = process.getuid?.() === 0;
const NOBODY = '65534';
const AS_USER = IS_ROOT
  ? ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups']
  : [];

function start(words: readonly string[]): ChildProcess {
  const [program = '', ...args] = [...AS_USER, ...words];
  return spawn(program, args, { env: environment(), cwd: folder });
}

/** Runs a command of libvirt for the daemon of this test alone. */
async function virsh(...words: readonly string[]): Promise<string> {
  const child = start(['virsh', '-q', '-c', 'qemu:///session', ...words]);
  let [out, said] = ['', ''];
  child.stdout?.on('data', (bytes: Buffer) => (out += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`virsh ${words.join(' ')}: ${said}`);
  return out.trim();
}

async function startLibvirt(): Promise<void> {
  daemon = start(['libvirtd', '--timeout', '120']);
  daemon.stdout?.resume();
  daemon.stderr?.resume();
  for (let tries = 0; ; tries += 1) {
    try {
      await virsh('list');
      return;
    } catch (error) {
      if (tries === 100) throw error;
      await sleep(100);
    }
  }
}

/** What a guest writes to its serial port, up to a line that begins so. */
async function consoleLine(begin: string): Promise<string> {
  const tty = await virsh('ttyconsole', 'web');
  const { O_RDONLY, O_NOCTTY, O_NONBLOCK } = constants;
  await using handle = await open(tty, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  let text = '';
  const piece = Buffer.alloc(4096);
  for (const end = Date.now() + 120_000; Date.now() < end;) {
    const { bytesRead } = await handle.read(piece).catch(() => ({ bytesRead: 0 }));
    text += piece.toString('latin1', 0, bytesRead);
    const line = text.split(/\r?\n/).find((one) => one.startsWith(begin));
    if (line !== undefined && text.includes('\n', text.indexOf(line))) return line;
    if (bytesRead === 0) await sleep(50);
  }
  throw new Error(`no "${begin}" in\n${text}`);
}

describe('an instance that libvirt takes over', () => {
  it('comes up as the machine that it was', async () => {
    const layout = new StoreLayout(join(folder, 'store'));
    await initialiseStore(layout);
    await importAny({
      layout,
      from: await guestImage('tiny'),
      name: 'web',
      memory: '512M',
      cpus: 1,
    });
    const { spec } = readInstance(layout, 'web');
    const target = join(folder, 'handed over');
    const { commands } = await handOver({ layout, name: 'web', engine: 'libvirt', folder: target });
    expect(commands).toEqual([expect.stringContaining('virsh define'), 'virsh start web']);
    const xml = join(target, 'web.xml');
    if (IS_ROOT) await run('chown', ['-R', `${NOBODY}:${NOBODY}`, folder]);
    await startLibvirt();
    await virsh('define', xml);
    expect(await virsh('domuuid', 'web')).toBe(spec.uuid);
    const mac = spec.interfaces[0].mac.toString();
    expect(await virsh('domiflist', 'web')).toContain(mac);
    await virsh('start', 'web');
    const line = await consoleLine('TINY-READY');
    expect(line).toContain('host=web');
    expect(line).toContain(`mac=${mac}`);
    expect(line).toContain(`id=${spec.uuid}`);
    const dumped = await virsh('dumpxml', 'web');
    expect(dumped).toContain(`<genid>${spec.vmgenid}</genid>`);
  }, 200_000);
});
