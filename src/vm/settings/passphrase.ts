import { scrypt, type BinaryLike, type ScryptOptions } from 'node:crypto';
import { promisify } from 'node:util';

/** Multipass's own figures: a hash of its settings may be taken over. */
const COST = { N: 16_384, r: 8, p: 1 };
const BYTES = 64;

/** The hash that a passphrase is kept as, in hex; '' for the empty one, which means that there is none. */
export async function hashPassphrase(passphrase: string): Promise<string> {
  if (passphrase === '') return '';
  const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);
  return (await derive(passphrase, '', BYTES, COST)).toString('hex');
}
