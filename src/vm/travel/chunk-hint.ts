import type { PaxRecords } from '../../files/tar/tar-header.js';
import { COMPRESSIONS } from './compression-names.js';
import { LARGEST_CHUNK, type ChunkPlace } from './manifest.js';

/** Keywords that GNU tar knows, and so does not complain of, in an extended header. */
const PREFIX = 'SCHILY.xattr.user.multipass.';

/** The facts beside a chunk in an archive that tell whoever reads it as a stream where it goes. */
export function chunkHint({ file, offset, size, compression }: ChunkPlace): PaxRecords {
  return new Map([
    [`${PREFIX}file`, file],
    [`${PREFIX}offset`, String(offset)],
    [`${PREFIX}size`, String(size)],
    [`${PREFIX}compression`, compression],
  ]);
}

/** The fact beside the config. */
export const CONFIG_HINT: PaxRecords = new Map([[`${PREFIX}role`, 'config']]);

/** Whether an entry says of itself that it is the config. */
export function isConfigHint(pax: PaxRecords): boolean {
  return pax.get(`${PREFIX}role`) === 'config';
}

/** Where a chunk says that it goes; undefined where it does not say so, or nothing sensible. The manifest decides. */
export function readChunkHint(pax: PaxRecords): ChunkPlace | undefined {
  const [file, offset, size] = ['file', 'offset', 'size'].map((key) => pax.get(PREFIX + key) ?? '');
  const compression = COMPRESSIONS.find((one) => one === pax.get(`${PREFIX}compression`));
  if (compression === undefined || file === undefined || file === '') return undefined;
  const [at, length] = [numberOf(offset), numberOf(size)];
  if (at === undefined || length === undefined || length < 1 || length > LARGEST_CHUNK)
    return undefined;
  return { file, offset: at, size: length, compression };
}

function numberOf(text = ''): number | undefined {
  return /^(?:0|[1-9][0-9]{0,14})$/.test(text) ? Number(text) : undefined;
}
