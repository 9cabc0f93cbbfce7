import { MultipassError } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { readMachine } from '../records/machine-record.js';
import type { Reach } from '../views.js';

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
