import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { NetNamespace } from '../../support/net-namespace.js';

/** An image server that only those in its network namespace reach. */
export interface ImageServerProcess extends AsyncDisposable {
  readonly url: string;
}

const RUN = fileURLToPath(new URL('../../../scripts/run-ts.mjs', import.meta.url));
const WORKER = fileURLToPath(new URL('./image-server-worker.ts', import.meta.url));

/** Offers a disk as the default release: see {@link ImageServer}. */
export async function serveImage(ns: NetNamespace, disk: string): Promise<ImageServerProcess> {
  const [program, ...args] = [...ns.through, process.execPath, RUN, WORKER, disk];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    url: line.toString().trim(),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
    },
  };
}
