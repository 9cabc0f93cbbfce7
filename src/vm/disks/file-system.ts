import { statfs } from 'node:fs/promises';

/** File systems that share extents, by the numbers of statfs(2); null: XFS does where it was made for it. */
const SHARING: ReadonlyMap<number, { readonly name: string; readonly shares: boolean | null }> =
  new Map([
    [0x9123683e, { name: 'btrfs', shares: true }],
    [0xca451a4e, { name: 'bcachefs', shares: true }],
    [0x2fc12fc1, { name: 'zfs', shares: null }],
    [0x58465342, { name: 'xfs', shares: null }],
    [0x794c7630, { name: 'overlayfs', shares: null }],
    [0xef53, { name: 'ext4', shares: false }],
    [0x01021994, { name: 'tmpfs', shares: false }],
  ]);

/** What a file system is. */
export interface FileSystemFacts {
  /** Such as `ext4`; its number, in hexadecimal, where it is not known by name. */
  readonly name: string;
  /** Whether copies of disks take no time and no room; null where it cannot be told without trying. */
  readonly sharesExtents: boolean | null;
  /** Bytes that this user may still write. */
  readonly freeBytes: number;
}

/** Looks at the file system that a folder is on. @throws the system's own error */
export async function fileSystemOf(folder: string): Promise<FileSystemFacts> {
  const { type, bavail, bsize } = await statfs(folder);
  const known = SHARING.get(type);
  return {
    name: known?.name ?? `0x${type.toString(16)}`,
    sharesExtents: known === undefined ? null : known.shares,
    freeBytes: bavail * bsize,
  };
}
