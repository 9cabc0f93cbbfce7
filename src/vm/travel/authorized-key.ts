import { MultipassError } from '../../errors.js';
import { run } from '../../process/run.js';
import type { StoreLayout } from '../../store/layout.js';
import type { TravelSeedFile } from './travel-config.js';

/** What stands in the place of the store's public key in a seed that travels: no key, so that it lets nobody in. */
export const PLACEHOLDER_KEY = 'ssh-ed25519 multipass-ts-key-of-the-store-goes-here';

/** The documents of a seed that let a key in. */
const DOCUMENTS = ['vendor-data', 'user-data'];

/**
 * `<type> <base64>` of a key of the store; null when it cannot be told.
 * @throws MultipassError TOOL_MISSING, ABORTED
 */
export async function publicHalf(layout: StoreLayout, name: string): Promise<string | null> {
  try {
    // Never asks for a passphrase: one that has any is told from its failure.
    const { stdout } = await run('ssh-keygen', ['-y', '-P', '', '-f', layout.key(name)]);
    const [type = '', body = ''] = stdout.split(/\s+/);
    return body === '' ? null : `${type} ${body}`;
  } catch (error) {
    if (error instanceof MultipassError && error.code === 'TOOL_FAILED') return null;
    throw error;
  }
}

/**
 * Puts one key in the place of another in the documents that let it in, whatever else they hold.
 * @returns the files, and whether it was in any of them
 */
export function replaceKey(
  files: readonly TravelSeedFile[],
  from: string,
  to: string,
): { files: TravelSeedFile[]; found: boolean } {
  const [oldType = '', oldBody = ''] = from.split(' ').map(escapeRegExp);
  const [newType = '', newBody = ''] = to.split(' ');
  const pattern = new RegExp(`${oldType}([ \\t]+)${oldBody}(?![A-Za-z0-9+/=])`, 'g');
  let found = false;
  const replaced = files.map(({ name, data }) => {
    if (!DOCUMENTS.includes(name)) return { name, data };
    // Byte for byte: not every document is text in UTF-8.
    const text = data.toString('latin1').replace(pattern, (_, blanks: string) => {
      found = true;
      return newType + blanks + newBody;
    });
    return { name, data: Buffer.from(text, 'latin1') };
  });
  return { files: replaced, found };
}

const KEY =
  /(?:^|[\s"'])((?:ssh|ecdsa|sk)-[a-z0-9@.-]{1,60})[ \t]+([A-Za-z0-9+/]{16,4096}={0,2})(?=$|[\s"'])/m;

/**
 * `<type> <base64>` of the key that a seed of ours lets in: the one in its vendor-data, which nobody but the store
 * writes.
 * @returns null when there is none
 */
export function keyInSeed(files: readonly TravelSeedFile[]): string | null {
  const vendor = files.find(({ name }) => name === DOCUMENTS[0]);
  const [, type, body] = KEY.exec(vendor?.data.toString('latin1') ?? '') ?? [];
  return type === undefined || body === undefined ? null : `${type} ${body}`;
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&');
}
