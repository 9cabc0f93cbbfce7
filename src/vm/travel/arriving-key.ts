import type { StoreLayout } from '../../store/layout.js';
import { fromSystemError, MultipassError } from '../../errors.js';
import { absolutePath } from '../../files/absolute-path.js';
import { readRegularFile } from '../../files/regular-file.js';
import { keepKey } from '../guest/keep-key.js';
import { STORE_KEY, storePublicKey } from '../guest/store-key.js';
import { publicHalf } from './authorized-key.js';
import type { TravelConfig } from './travel-config.js';

/** With which key the guest of an imported instance is entered. */
export interface ArrivingKey {
  /** Its name in the store; null: none is known. */
  readonly name: string | null;
  /** `<type> <base64>`, to be let in by the seed; null: the seed stays as it is. */
  readonly publicKey: string | null;
}

/**
 * Decides with which key the guest is entered: one that the user gives, else one that came along, which the guest knows
 * already, else the store's own, which the seed of a copy gets. Without a new identity the guest reads no new seed, and
 * so knows no new key.
 * @throws MultipassError INVALID_ARGUMENT for a key that ssh cannot read; TOOL_MISSING, DISK_FULL, …
 */
export async function arrivingKey(
  layout: StoreLayout,
  {
    config,
    given,
    keepsIdentity,
  }: {
    readonly config: TravelConfig;
    readonly given: string | Buffer | undefined;
    readonly keepsIdentity: boolean;
  },
): Promise<ArrivingKey> {
  if (given !== undefined) {
    const name = await keepKey(layout, given);
    const publicKey = await publicHalf(layout, name);
    if (publicKey !== null) return { name, publicKey: keepsIdentity ? null : publicKey };
    throw new MultipassError(
      'INVALID_ARGUMENT',
      'the ssh key cannot be read, or has a passphrase',
      {
        hint: 'Give a private key without a passphrase, as `ssh-keygen -N ""` makes it.',
      },
    );
  }
  if (config.privateKey !== null) {
    return { name: await keepKey(layout, config.privateKey), publicKey: null };
  }
  if (keepsIdentity) return { name: null, publicKey: null };
  const [type = '', body = ''] = (await storePublicKey(layout)).split(' ');
  return { name: STORE_KEY, publicKey: `${type} ${body}` };
}

/** A private key has a few thousand bytes. */
const LARGEST_KEY = 64 * 1024;

/** Reads a private key that the user names. @throws MultipassError INVALID_ARGUMENT, IO_ERROR, PERMISSION_DENIED */
export function readKeyFile(given: string): Buffer {
  const path = absolutePath(given);
  const unfit = (problem: string): MultipassError =>
    new MultipassError('INVALID_ARGUMENT', `"${path}" is ${problem}`, {
      hint: 'Name the private key that the guest lets in, such as `~/.ssh/id_ed25519`.',
      details: { path },
    });
  try {
    return readRegularFile(path, { largest: LARGEST_KEY, unfit });
  } catch (error) {
    throw fromSystemError(error, 'read the ssh key', path);
  }
}
