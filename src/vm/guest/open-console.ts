import type { Socket } from 'node:net';
import { throwIfAborted } from '../../abort.js';
import { errnoOf, MultipassError } from '../../errors.js';
import { RUN_SOCKETS } from '../../qemu/machine.js';
import { connectUnixSocket } from '../../qemu/unix-socket.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotRunning } from '../errors.js';
import { lookAt } from '../open.js';
import { isRunning } from '../read-instance.js';

/** The serial console of a running instance, which nobody else has meanwhile. Closed by `await using`. */
export interface GuestConsole extends AsyncDisposable {
  /** What the guest writes, and what it reads: bytes. It is closed when the instance stops. */
  readonly socket: Socket;
}

/** Whose console is opened. */
export interface ConsoleRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Connects to the serial console of a running instance. It needs no network, and nothing of the guest but that it
 * looks at its serial port.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_RUNNING; CONSOLE_UNAVAILABLE when somebody
 *   has it, and when its QEMU was started without one; TOOL_MISSING, ABORTED
 */
export async function openConsole({ layout, name, signal }: ConsoleRequest): Promise<GuestConsole> {
  const { dir } = lookAt(layout, name, { for: 'console', states: ['Running'], disk: 'any' });
  const lock = await takeKernelLock(dir.consoleLock, { mode: 'exclusive', wait: false, signal });
  if (lock === undefined) throw inUse(name);
  try {
    const socket = await connect(dir);
    throwIfAborted(signal);
    return {
      socket,
      [Symbol.asyncDispose]: async () => {
        socket.destroy();
        await lock.close();
      },
    };
  } catch (error) {
    await lock.close();
    throw error;
  }
}

async function connect(dir: InstanceDir): Promise<Socket> {
  try {
    return await connectUnixSocket(dir.run, RUN_SOCKETS.console, (socket) =>
      // Its end is told by `close`, which follows.
      socket.on('error', () => undefined),
    );
  } catch (error) {
    if (!['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error) ?? '')) throw error;
    throw isRunning(dir) ? startedWithout(dir.name, error) : instanceNotRunning(dir.name);
  }
}

function inUse(name: string): MultipassError {
  return new MultipassError('CONSOLE_UNAVAILABLE', `the console of "${name}" is in use`, {
    hint: `Leave it there by Ctrl-], or look at what is written to it: \`multipass logs -f ${name}\`.`,
    details: { name },
  });
}

function startedWithout(name: string, cause: unknown): MultipassError {
  return new MultipassError(
    'CONSOLE_UNAVAILABLE',
    `"${name}" was started by an older version, which made no console for it`,
    {
      hint: `Stop and start it: \`multipass stop ${name}\`, then \`multipass start ${name}\`.`,
      details: { name },
      cause,
    },
  );
}
