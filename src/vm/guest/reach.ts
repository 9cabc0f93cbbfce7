import { MultipassError } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { readMachine } from '../records/machine-record.js';

/** From where the addresses of a running instance lead to it. */
export interface Reach {
  /**
   * `host`: from this host; `network`: from the instances of this store, and from what `multipass network run` runs;
   * `nothing`: only QEMU knows them.
   */
  readonly from: 'host' | 'network' | 'nothing';
  /** The port by which ssh gets in: of 127.0.0.1 where nothing reaches the addresses, else of those. Null for none. */
  readonly sshPort: number | null;
}

const SSH_PORT = 22;

/** How a running instance is reached; null when what it runs on cannot be read. */
export function reachOf(dir: InstanceDir): Reach | null {
  try {
    const [card] = readMachine(dir)?.machine.cards ?? [];
    if (card === undefined) return null;
    const { backend } = card;
    if (backend.kind === 'user') return { from: 'nothing', sshPort: backend.sshPort };
    return { from: backend.within === 'host' ? 'host' : 'network', sshPort: SSH_PORT };
  } catch (error) {
    if (error instanceof MultipassError) return null;
    throw error;
  }
}
