import { MultipassError } from './errors.js';

/** A size as Multipass takes it: `1234`, `1234B`, `42MiB`, `0.5G`; a fraction needs a unit. */
const SIZE = /^\s*(\d+)(?:B?|(?:\.(\d+))?([KMG])(?:i?B)?)\s*$/i;

const BYTES_IN: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A multiple of 2^-30 has at most 30 decimals, so digits after them never change the whole bytes. */
const DECIMALS = 30;

/**
 * Reads a memory or disk size; units are powers of 1024, a fraction of a byte is cut off.
 * @returns bytes; null when the text is no size, or more than a double holds exactly (8 PiB)
 */
export function parseMemorySize(text: string): number | null {
  const match = SIZE.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = '', unit = ''] = match;
  const unitBytes = BYTES_IN[unit.toUpperCase()] ?? 1;
  const digits = BigInt(fraction.slice(0, DECIMALS).padEnd(DECIMALS, '0'));
  const part = Number((digits * BigInt(unitBytes)) / 10n ** BigInt(DECIMALS));
  const bytes = Number(whole) * unitBytes + part;
  return Number.isSafeInteger(bytes) ? bytes : null;
}

/**
 * A size of memory or of a disk: bytes, or a text with a unit, such as `'1.5G'`, `'512M'`, `'42MiB'`. Units are powers
 * of 1024.
 */
export type MemorySize = number | string;

/**
 * The bytes of a size that a caller gives.
 * @param what what it is the size of, for the message: `memory`
 * @throws MultipassError INVALID_ARGUMENT for what is neither a whole number of bytes nor a text that is a size
 */
export function bytesOf(size: MemorySize, what: string): number {
  const bytes = typeof size === 'string' ? parseMemorySize(size) : size;
  if (bytes !== null && Number.isSafeInteger(bytes) && bytes >= 0) return bytes;
  throw new MultipassError('INVALID_ARGUMENT', `${what}: ${notASize(String(size))}`, {
    hint: "Give whole bytes as a number, or a text with a unit, such as '1.5G'.",
    details: { what, size: String(size) },
  });
}

/** Multipass's text for what is no size. */
export function notASize(text: string): string {
  return (
    `${text} is not a valid memory size - need a non-negative integer (in base 10) or a decimal followed by K, ` +
    'M, or G (e.g. 1234B, 42MiB, 0.5G)'
  );
}

const SECTOR = 512;

/**
 * The size that a disk of so many bytes has: QEMU's are whole sectors. What is recorded of a disk is this, never what
 * was asked for.
 */
export function wholeSectors(bytes: number): number {
  return Math.ceil(bytes / SECTOR) * SECTOR;
}

/** A size for people, as Multipass prints it: `1.5GiB`, `512.0MiB`, `1.0KiB`, `812B`. */
export function formatMemorySize(bytes: number): string {
  for (const [unit, unitBytes] of Object.entries(BYTES_IN).reverse()) {
    if (bytes >= unitBytes) return `${(bytes / unitBytes).toFixed(1)}${unit}iB`;
  }
  return `${bytes}B`;
}
