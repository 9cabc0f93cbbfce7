import { open } from 'node:fs/promises';
import { spawnDetached } from '../../process/detach.js';
import type { StoreLayout } from '../../store/layout.js';

/** Whose guest is guarded, and what ends what was begun with it. */
export interface GuardRequest {
  readonly layout: StoreLayout;
  /** Name of the instance. */
  readonly name: string;
  /** The words that run a program which calls `endLive` with the store's root and the name that follow. */
  readonly program: readonly string[];
}

/** Who takes over when this process dies in the middle. */
export interface Guard {
  /** Tells it that there is nothing left to be done. */
  readonly dismiss: () => void;
}

/** A pipe that only this process holds open: the kernel closes it, however we die. */
const WAIT = 'read -r done <&3 || exec "$@" 3<&-';

/**
 * Starts a guard, before anything is done to a running guest: a shell that waits for this process to end, and which
 * unless it was dismissed by then becomes the program. It is in a session of its own, so what kills us and our group
 * leaves it alone.
 * @throws MultipassError TOOL_MISSING without a shell
 */
export async function startGuard({ layout, name, program }: GuardRequest): Promise<Guard> {
  const output = await open('/dev/null', 'w');
  try {
    const words = ['-c', WAIT, 'guard', ...program, layout.root, name];
    const shell = await spawnDetached('/bin/sh', words, {
      cwd: '/',
      output: output.fd,
      fds: ['pipe'],
    });
    const pipe = shell.pipes.get(3);
    pipe?.unref();
    return {
      dismiss: () => {
        pipe?.end('done\n');
      },
    };
  } finally {
    await output.close();
  }
}
