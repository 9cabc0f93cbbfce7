import { access, constants, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { throwIfAborted } from '../abort.js';
import { hasCode } from '../errors.js';
import { run } from '../process/run.js';
import { log } from '../log.js';
import type { Accelerator } from './machine.js';
import { EXIT_PORT, PROBE_EXIT_CODE, probeGuest } from './probe-guest.js';

/** A guest that does nothing needs a fraction of a second; a broken accelerator never ends. */
const PROBE_MS = 10_000;

/** The device through which the host's hardware runs guests. */
export const KVM_DEVICE = '/dev/kvm';

/** True when this user may use the hardware at all, which is to open its device. */
export async function canOpen(device: string): Promise<boolean> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What is probed. */
export interface ProbeRequest {
  /** `qemu-system-x86_64`. */
  readonly program: string;
  readonly signal?: AbortSignal | undefined;
  /** How long the guest may take. Default 10 s. */
  readonly timeoutMs?: number;
}

/**
 * Whether KVM really runs a guest from its firmware to its end. That its device is there tells nothing: under some
 * nested hypervisors it is, and guests stop in the middle of their boot loader.
 * @throws MultipassError TOOL_MISSING, ABORTED
 */
export async function kvmRunsGuests(request: ProbeRequest): Promise<boolean> {
  const { program, signal, timeoutMs = PROBE_MS } = request;
  // There is no probe guest for other processors: reachable hardware must do.
  if (!program.endsWith('x86_64')) return true;
  const folder = await mkdtemp(join(tmpdir(), 'multipass-probe-'));
  const tooLong = AbortSignal.timeout(timeoutMs);
  try {
    const disk = join(folder, 'probe.raw');
    await writeFile(disk, probeGuest());
    await run(program, probeArguments('kvm', 'probe.raw'), {
      cwd: folder,
      okExitCodes: [PROBE_EXIT_CODE],
      signal: signal === undefined ? tooLong : AbortSignal.any([signal, tooLong]),
    });
    return true;
  } catch (error) {
    throwIfAborted(signal);
    if (hasCode(error, 'TOOL_MISSING')) throw error;
    log('info', 'qemu', `KVM does not run guests: ${(error as Error).message}`);
    return false;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The arguments of a QEMU that runs the probe guest. @internal for its tests */
export function probeArguments(accelerator: Accelerator, disk: string): string[] {
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-machine', 'pc'],
    ...['-accel', accelerator, '-cpu', accelerator === 'tcg' ? 'max' : 'host', '-m', '16M'],
    ...['-drive', `file=${disk},format=raw,if=ide`],
    ...['-device', `isa-debug-exit,iobase=0x${EXIT_PORT.toString(16)},iosize=0x04`],
  ];
}
