import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A docker-registry of a test's own, on this host alone. */
export interface RealRegistry extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  /** Where it keeps what it has. */
  readonly root: string;
  /** As a power cut would. */
  readonly kill: () => Promise<void>;
  /** By the same port, with what it had. */
  readonly start: () => Promise<void>;
}

/** Lines of the configuration of one that is spoken to by TLS, and by tokens of a server of the test's own. */
export interface SecureRegistry {
  readonly tls: string;
  readonly auth: string;
}

/**
 * Starts one.
 * @param login `<user>:<password>`, without which nobody may do anything
 */
export async function realRegistry(login?: string, secure?: SecureRegistry): Promise<RealRegistry> {
  const root = await mkdtemp(join(tmpdir(), 'registry-'));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const config = join(root, 'config.yml');
  const data = join(root, 'data');
  const lines = [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    `storage: { filesystem: { rootdirectory: ${data} }, delete: { enabled: true } }`,
    `http: { addr: "${host}"${secure === undefined ? '' : `, tls: ${secure.tls}`} }`,
    ...(secure === undefined ? [] : [`auth: ${secure.auth}`]),
  ];
  if (login !== undefined) {
    const [user = '', password = ''] = login.split(':');
    const { execFileSync } = await import('node:child_process');
    const line = execFileSync('htpasswd', ['-nbB', user, password]).toString();
    await writeFile(join(root, 'htpasswd'), line);
    lines.push(`auth: { htpasswd: { realm: r, path: ${join(root, 'htpasswd')} } }`);
  }
  await writeFile(config, `${lines.join('\n')}\n`);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn('docker-registry', ['serve', config], { stdio: 'ignore', cwd: root });
    for (let tries = 0; tries < 200; tries += 1) {
      const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer !== undefined) return;
      if (child.exitCode !== null) throw new Error('docker-registry has ended');
      await sleep(25);
    }
    throw new Error('docker-registry does not answer');
  };
  const kill = async (): Promise<void> => {
    const dying = child;
    child = undefined;
    if (dying?.exitCode !== null || dying.signalCode !== null) return;
    dying.kill('SIGKILL');
    await once(dying, 'exit');
  };
  await start();
  return {
    host,
    root: data,
    kill,
    start,
    [Symbol.asyncDispose]: async () => {
      await kill();
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
