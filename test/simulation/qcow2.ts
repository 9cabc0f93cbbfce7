/** A reader of qcow2 images that shares nothing with the product's: what the simulation wants to know of a disk. */
export interface Image {
  readonly size: number;
  readonly backing: string | undefined;
  readonly tags: readonly string[];
  /** The first bytes that the guest sees, or undefined where this layer has none. */
  readonly content: string | undefined;
}

const OFFSET = 0x00ff_ffff_ffff_fe00n;

/** @throws Error where it is none */
export function readImage(data: Buffer): Image {
  if (data.toString('latin1', 0, 4) !== 'QFI\xfb') throw new Error('no qcow2 image');
  const place = Number(data.readBigUInt64BE(8));
  const backing =
    place === 0 ? undefined : data.toString('utf8', place, place + data.readUInt32BE(16));
  return {
    size: Number(data.readBigUInt64BE(24)),
    backing,
    tags: tagsOf(data),
    content: contentOf(data),
  };
}

function contentOf(data: Buffer): string | undefined {
  const l1 = Number(data.readBigUInt64BE(40));
  const l2 = Number(data.readBigUInt64BE(l1) & OFFSET);
  if (l2 === 0) return undefined;
  const entry = data.readBigUInt64BE(l2);
  if ((entry & (1n << 62n)) !== 0n) throw new Error('a compressed cluster');
  const cluster = Number(entry & OFFSET);
  if (cluster === 0) return (entry & 1n) === 1n ? '00' : undefined;
  return data.toString('hex', cluster, cluster + 8);
}

function tagsOf(data: Buffer): string[] {
  const tags: string[] = [];
  let at = Number(data.readBigUInt64BE(64));
  for (let count = data.readUInt32BE(60); count > 0; count -= 1) {
    const [idLength, nameLength] = [data.readUInt16BE(at + 12), data.readUInt16BE(at + 14)];
    const extra = data.readUInt32BE(at + 36);
    const name = at + 40 + extra + idLength;
    tags.push(data.toString('utf8', name, name + nameLength));
    at = Math.ceil((name + nameLength) / 8) * 8;
  }
  return tags;
}
