import { once } from 'node:events';
import type { Socket } from 'node:net';
import { errnoOf } from '../command-line.js';
import type { CliContext } from './context.js';
import { openKeyboard } from './keyboard.js';

/** Ctrl-], as it comes from a terminal: it leaves, as it does in telnet and `virsh console`. */
const LEAVE = 0x1d;
/** Colours and a hidden cursor are the guest's. */
const AS_BEFORE = '\u001B[0m\u001B[?25h';

/**
 * Joins standard input and output to a guest's console. What comes from the guest goes out as it is, to a terminal too:
 * it may steer it, as every serial console may.
 * @returns `left` when the user has left it, by Ctrl-] on a terminal or by closing the output; `ended` when the
 *   instance has stopped
 * @throws the abort reason of the signal; the system's own error of the output
 */
export async function joinConsole(
  socket: Socket,
  context: Pick<CliContext, 'stdout' | 'signal'>,
): Promise<'left' | 'ended'> {
  const { stdout, signal } = context;
  let [leave, fail]: [() => void, (error: Error) => void] = [() => undefined, () => undefined];
  const left = new Promise<'left'>((resolve, reject) => {
    [leave, fail] = [() => resolve('left'), reject];
  });
  const abort = (): void => fail(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  using keyboard = openKeyboard({
    onPiece: (piece) => {
      const end = keyboard.isTerminal ? piece.indexOf(LEAVE) : -1;
      if (end !== -1) leave();
      return socket.write(end === -1 ? piece : piece.subarray(0, end));
    },
    ready: async () => {
      await once(socket, 'drain').catch(() => undefined);
    },
    onEnd: () => {
      if (keyboard.isTerminal) leave();
    },
  });
  try {
    return await Promise.race([left, showSocket(socket, stdout)]);
  } finally {
    signal.removeEventListener('abort', abort);
    if (stdout.isTerminal) stdout.steer(AS_BEFORE);
  }
}

/**
 * Shows what comes from a guest as it is, to its end, and no faster than it is read.
 * @returns `left` when nobody reads any more
 * @throws the system's own error of the output
 */
export async function showSocket(
  socket: Socket,
  stdout: Pick<CliContext['stdout'], 'writeRaw'>,
): Promise<'left' | 'ended'> {
  if (socket.destroyed) return 'ended';
  const closed = new Promise((resolve) => socket.once('close', resolve));
  let shown = Promise.resolve();
  const broken = new Promise<'left'>((resolve, reject) => {
    socket.on('data', (piece: Buffer) => {
      socket.pause();
      shown = stdout.writeRaw(piece).then(
        () => void socket.resume(),
        (error: unknown) => (errnoOf(error) === 'EPIPE' ? resolve('left') : reject(error as Error)),
      );
    });
  });
  const ended = closed.then(async () => {
    await shown;
    return 'ended' as const;
  });
  return await Promise.race([broken, ended]);
}
