import { MultipassError } from '../../errors.js';
import { asRoot } from '../guest/as-root.js';
import { runInGuest, type Guest } from '../guest/ssh.js';

/** What a running guest tells of itself before its memory is saved. */
export interface GuestProbe {
  /** The IPv4 address of the card by which it is entered. */
  readonly address: string;
}

/** Says `root`, `slots` and `address`, as far as they are there. */
const PROBE = `mac=$1
[ "$(id -u)" = 0 ] && echo root
ls /sys/bus/pci/slots 2>/dev/null | grep -q . && echo slots
for card in /sys/class/net/*; do
  [ "$(cat "$card/address")" = "$mac" ] || continue
  name=\${card##*/}
  { ip -4 -o addr show dev "$name" || ifconfig "$name"; } 2>/dev/null |
    sed -n 's/.*inet \\(addr:\\)\\{0,1\\}\\([0-9.]*\\).*/address \\2/p' | head -n 1
done`;

/**
 * Makes sure that a clone of a running guest can be given an identity of its own: we get in, become root there, and its
 * cards may be changed while it runs.
 * @param mac of its first card
 * @throws MultipassError GUEST_SILENT, SSH_FAILED when we do not get in; GUEST_UNFIT for what it lacks; ABORTED
 */
export async function probeGuest(
  guest: Guest,
  mac: string,
  signal: AbortSignal | undefined,
): Promise<GuestProbe> {
  const okExitCodes = Array.from({ length: 255 }, (_, code) => code);
  const { stdout } = await runInGuest(guest, asRoot(PROBE, [mac]), { signal, okExitCodes });
  const lines = stdout.split('\n').map((line) => line.trim());
  const { name } = guest.dir;
  if (!lines.includes('root')) {
    throw unfit(name, `"${guest.user}" cannot become root in it without a password`);
  }
  if (!lines.includes('slots')) throw unfit(name, 'its kernel cannot change cards while it runs');
  const address = lines.find((line) => line.startsWith('address '))?.slice('address '.length);
  if (address === undefined) throw unfit(name, `its card ${mac} has no IPv4 address`);
  return { address };
}

/** What it means that a guest lacks something without which its memory cannot be another's. */
export function unfit(name: string, why: string): MultipassError {
  return new MultipassError('GUEST_UNFIT', `"${name}" cannot be cloned with its memory: ${why}`, {
    hint: `A clone could not be given an identity of its own. Clone its disk: \`multipass clone ${name} --live\`.`,
    details: { name },
  });
}
