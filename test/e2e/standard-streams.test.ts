import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { COMMAND } from '../support/bin.js';
import { makeInstance } from '../support/store-fixture.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'standard-streams-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const environment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: folder,
  MULTIPASS_STORAGE: join(folder, 'store'),
});

async function makeWeb(root: string): Promise<void> {
  const layout = new StoreLayout(root);
  await initialiseStore(layout);
  await makeInstance(layout, 'web', { data: 1, tags: 1 });
}

describe('standard output and standard error', () => {
  it.each([
    'version',
    'list',
    'info nobody',
    'help',
    'list --help',
    'no-such-command',
    'clone web',
  ])('stay blocking for the programs that have them after %s', async (line) => {
    // Its disk is converted, which is told step by step.
    if (line === 'clone web') await makeWeb(join(folder, 'store'));
    // The flags of an open file are shared by all who have it.
    const script = `{ "$@"; grep -h ^flags /proc/self/fdinfo/1 /proc/self/fdinfo/2 >&3; } 3>"$FLAGS" 2>&1 | cat >/dev/null; cat "$FLAGS"`;
    const env = { ...environment(), FLAGS: join(folder, 'flags') };
    const words = ['-c', script, 'sh', ...COMMAND, ...line.split(' ')];
    const flags = execFileSync('sh', words, { env, encoding: 'utf8' });
    const modes = [...flags.matchAll(/^flags:\t(\d+)$/gm)].map(([, octal = '']) =>
      Number.parseInt(octal, 8),
    );
    expect(modes).toHaveLength(2);
    const nonBlocking = 0o4000;
    for (const mode of modes) expect(mode & nonBlocking).toBe(0);
  });

  it('come out whole through a full pipe that somebody has made non-blocking', () => {
    // Of one page: the kernel takes a part of each text, and then none.
    const python = `
import fcntl, os, subprocess, sys, time
reading, writing = os.pipe()
fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
os.set_blocking(writing, False)
command = subprocess.Popen(sys.argv[1:], stdout=writing)
os.close(writing)
while True:
    piece = os.read(reading, 512)
    if not piece: break
    sys.stdout.buffer.write(piece)
    time.sleep(0.002)
sys.exit(command.wait())
`;
    const env = environment();
    const command: readonly string[] = [...COMMAND, 'help', '--man'];
    const whole = execFileSync(command[0]!, command.slice(1), { env, encoding: 'utf8' });
    expect(whole.length).toBeGreaterThan(4096);
    const slowly = execFileSync('python3', ['-c', python, ...command], { env, encoding: 'utf8' });
    expect(slowly).toBe(whole);
  });
});
