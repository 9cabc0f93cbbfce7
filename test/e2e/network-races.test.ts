import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import type { RunningCommand } from '../support/command.js';
import { expectNothing, test, type Networks } from './support/networks.js';

const ROUNDS = process.env['MULTIPASS_TEST_ALL'] === '1' ? 200 : 12;

/**
 * What is on the network like a machine: it says `up` when its names are answered and a way leads out, and stays until
 * its gate is opened.
 */
const MEMBER = `
import os, socket, sys, time
gateway, gate = open('/etc/resolv.conf').read().split()[1], sys.argv[1]
question = bytes.fromhex('123401000001000000000000') + b'\\x06nobody\\x09multipass\\x00' + bytes.fromhex('00010001')
asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
asked.settimeout(10)
asked.sendto(question, (gateway, 53))
answered = asked.recv(512)[:2] == question[:2]
print('up' if answered and 'tap0:' in open('/proc/net/dev').read() else 'DOWN', flush=True)
while not os.path.exists(gate): time.sleep(0.01)
`;

/** One that is on the network. */
class Member {
  readonly #gate: string;
  readonly #running: RunningCommand;
  readonly said: Promise<string>;

  constructor(nets: Networks, id: string) {
    this.#gate = join(dirname(nets.folder()), `../../gate-${id}`);
    const words = ['network', 'run', '--', 'python3', '-c', MEMBER, this.#gate];
    this.#running = nets.begin(words);
    this.said = this.#firstLine();
  }

  /** It ends by itself, as a guest that is powered off; or all of it at once, as by kill -9. */
  async end(how: 'off' | 'killed'): Promise<void> {
    if (how === 'killed') this.#running.signalGroup('SIGKILL');
    else await writeFile(this.#gate, '');
    const { exitCode, stderr } = await this.#running.finished;
    expect({ exitCode, stderr }).toEqual({ exitCode: how === 'off' ? 0 : 137, stderr: '' });
    await rm(this.#gate, { force: true });
  }

  async #firstLine(): Promise<string> {
    const { child, finished } = this.#running;
    const line = once(child.stdout!, 'data').then(([data]) => String(data).trim());
    return await Promise.race([
      line,
      finished.then(({ stderr, exitCode }) => `ended with ${exitCode}: ${stderr}`),
    ]);
  }
}

describe('two that come while the last one goes', () => {
  test(
    'always have a network, and the same one',
    { timeout: 30_000 + ROUNDS * 5000 },
    async ({ nets }) => {
      let last = new Member(nets, 'first');
      expect(await last.said).toBe('up');
      for (let round = 0; round < ROUNDS; round += 1) {
        const gone = last.end(round % 2 === 0 ? 'off' : 'killed');
        const both = ['a', 'b'].map((which) => new Member(nets, `${round}-${which}`));
        const [one, other] = both as [Member, Member];
        await gone;
        expect([await one.said, await other.said], `round ${round}`).toEqual(['up', 'up']);
        expect(servers(nets), `round ${round}`).toEqual({ dnsmasq: 1, slirp4netns: 1 });
        expect(await nets.status()).toMatchObject({ state: 'up', damage: [] });
        await other.end('off');
        last = one;
      }
      await last.end('off');
      await expectNothing(nets);
    },
  );
});

/** How many of what makes up a network there are: dnsmasq by what it writes to, the way out by where it leads out of. */
function servers(nets: Networks): Record<string, number> {
  const note = readFileSync(join(nets.folder(), 'holder.pid'), 'utf8');
  const { pid: holder } = JSON.parse(note) as { pid: number };
  const words = readdirSync('/proc').map((pid) => wordsOf(pid));
  return {
    dnsmasq: words
      .filter((all) => all.some((word) => word.includes(nets.folder())))
      .filter(([program = '']) => program.endsWith('dnsmasq')).length,
    slirp4netns: words.filter(
      ([program = '', ...args]) => program.endsWith('slirp4netns') && args.includes(String(holder)),
    ).length,
  };
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
