import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startMultipass } from '../../support/command.js';

/** Whose frames have come into the network that the instances of a store share. */
export interface Senders extends AsyncDisposable {
  /** The interface that each frame came in by, and the MAC address that it came from; each pair once. */
  readonly seen: () => (readonly [port: string, mac: string])[];
}

const LISTEN = fileURLToPath(new URL('../../support/capture_ports.py', import.meta.url));

/** Listens on all interfaces of a store's shared network, which is up, until it is disposed of. */
export async function startSenders(store: string): Promise<Senders> {
  const { child, finished, signalGroup } = startMultipass(
    ['network', 'run', '--', 'python3', LISTEN],
    { store },
  );
  let text = '';
  child.stdout?.on('data', (piece: Buffer) => (text += piece.toString()));
  while (!text.includes('listening\n')) await once(child.stdout ?? child, 'data');
  return {
    seen: () =>
      text
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(' ') as [string, string]),
    [Symbol.asyncDispose]: async () => {
      signalGroup('SIGTERM');
      await finished;
    },
  };
}
