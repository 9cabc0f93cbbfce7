import { parseJson } from '../files/json.js';
import { resolve } from 'node:path';
import { ExecError, hasCode } from '../errors.js';
import { isDamage, qemuImg, reading, type MaybeForeign } from './qemu-img-run.js';

/**
 * Asks QEMU for the virtual size of a disk, in bytes, whether it is in use or not. For a qcow2 image `readQcow2` is
 * cheaper and says more.
 * @throws ExecError (TOOL_FAILED) when QEMU cannot read it; SANDBOX_UNAVAILABLE, ABORTED, TOOL_MISSING
 */
export async function virtualSizeOf(path: string, options: MaybeForeign = {}): Promise<number> {
  const { foreign, signal } = options;
  const args = ['info', '-U', '-f', foreign ?? 'qcow2', '--output=json', '--', resolve(path)];
  const { stdout } = await qemuImg(args, { path, signal, confined: reading(path, foreign) });
  return new Answer('info', path, stdout).size('virtual-size');
}

/**
 * Whether a process has the disk open for writing, by QEMU's own lock on the file; a reader does not count.
 * Asking takes that lock for a moment: a QEMU that starts just then is refused the disk.
 * @throws ExecError (TOOL_FAILED) when it cannot be told; SANDBOX_UNAVAILABLE, ABORTED, TOOL_MISSING
 */
export async function isHeldByQemu(path: string, options: MaybeForeign = {}): Promise<boolean> {
  const { foreign, signal } = options;
  try {
    const args = ['info', '-f', foreign ?? 'qcow2', '--', resolve(path)];
    await qemuImg(args, { path, signal, confined: reading(path, foreign) });
    return false;
  } catch (error) {
    if (hasCode(error, 'DISK_IN_USE')) return true;
    throw error;
  }
}

/** What `qemu-img check` says of a disk: `leaks` waste space and nothing else. */
export type DiskHealth = 'sound' | 'leaks' | 'damaged';

/**
 * Checks the reference counts and tables of a qcow2 image without what is below it, and changes nothing. It takes no
 * lock of QEMU's, so what it says of a disk that somebody writes to meanwhile means nothing.
 * @throws ExecError (TOOL_FAILED) when it cannot be told; SANDBOX_UNAVAILABLE, ABORTED, TOOL_MISSING
 */
export async function checkDisk(path: string, options: MaybeForeign = {}): Promise<DiskHealth> {
  const { foreign, signal } = options;
  const file = { driver: 'file', filename: resolve(path) };
  const image = `json:${JSON.stringify({ driver: 'qcow2', file, backing: null })}`;
  try {
    const about = { path, signal, confined: reading(path, foreign), okExitCodes: [0, 3] };
    const { exitCode } = await qemuImg(['check', '-q', '-U', '--', image], about);
    return exitCode === 0 ? 'sound' : 'leaks';
  } catch (error) {
    if (error instanceof ExecError && isDamage(error)) return 'damaged';
    throw error;
  }
}

/** What would be converted. */
export interface MeasureOptions extends MaybeForeign {
  /** Tag of an internal snapshot; without it, the active state. */
  readonly snapshot?: string | undefined;
  /** Counts what the backing file has, too, as for a copy that is to stand alone. */
  readonly flatten?: boolean | undefined;
}

/**
 * How many bytes at most the file takes that `convertActive` makes of a disk.
 * @throws ExecError (TOOL_FAILED) when QEMU cannot read it; ABORTED, TOOL_MISSING
 */
export async function measure(
  path: string,
  options: MeasureOptions = {},
): Promise<{ required: number }> {
  const { snapshot, flatten = false, foreign, signal } = options;
  const file = { driver: 'file', filename: resolve(path) };
  const isOwnLayer = foreign === undefined && !flatten;
  const image = { driver: foreign ?? 'qcow2', file, ...(isOwnLayer ? { backing: null } : {}) };
  const args = ['measure', '-U', '--output=json', '-O', 'qcow2', ...snapshotArgs(snapshot)];
  const operands = ['--', `json:${JSON.stringify(image)}`];
  const { stdout } = await qemuImg([...args, ...operands], {
    path,
    signal,
    confined: reading(path, foreign),
  });
  return { required: new Answer('measure', path, stdout).size('required') };
}

/** The option that has qemu-img read an internal snapshot; in its list of properties a comma is doubled. */
export function snapshotArgs(tag: string | undefined): string[] {
  return tag === undefined ? [] : ['-l', `snapshot.name=${tag.replaceAll(',', ',,')}`];
}

/** A JSON answer of qemu-img, of which nothing is believed. */
class Answer {
  readonly #about: string;
  readonly #stdout: string;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(command: string, path: string, stdout: string) {
    this.#about = `qemu-img ${command} of "${path}"`;
    this.#stdout = stdout;
    const value: unknown = this.#parse();
    if (typeof value !== 'object' || value === null) this.#fail();
    this.#fields = value as Record<string, unknown>;
  }

  size(key: string): number {
    const value = this.#fields[key];
    return Number.isSafeInteger(value) ? (value as number) : this.#fail();
  }

  #parse(): unknown {
    try {
      return parseJson(this.#stdout);
    } catch {
      return this.#fail();
    }
  }

  #fail(): never {
    const result = { exitCode: 0, stderr: this.#stdout };
    throw new ExecError(`${this.#about} answered something unexpected`, result, {
      hint: 'See that the qemu-img that is found first is that of QEMU itself (`qemu-img --version`).',
    });
  }
}
