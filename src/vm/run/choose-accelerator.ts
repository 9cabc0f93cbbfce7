import { readFileSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { canOpen, KVM_DEVICE, kvmRunsGuests } from '../../qemu/accelerator.js';
import type { Accelerator } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';

/** Which accelerator is wanted, and where what was found out is kept. */
export interface AcceleratorRequest {
  readonly layout: StoreLayout;
  /** The setting `local.accelerator`. */
  readonly wanted: 'auto' | Accelerator;
  /** `qemu-system-x86_64`. */
  readonly program: string;
  readonly signal?: AbortSignal | undefined;
  /** The device of the hardware; default {@link KVM_DEVICE}. */
  readonly device?: string;
}

/**
 * The accelerator that guests run on. `auto` takes hardware only when it has run a guest to its end, which is tried
 * once in each boot of the host; else QEMU's own translator, which always works.
 * @throws MultipassError ACCELERATOR_UNAVAILABLE when a given one cannot be used here; TOOL_MISSING, ABORTED
 */
export async function chooseAccelerator(request: AcceleratorRequest): Promise<Accelerator> {
  const { wanted, device = KVM_DEVICE } = request;
  if (wanted === 'tcg') return 'tcg';
  const isReachable = await canOpen(device);
  if (wanted === 'kvm') {
    if (isReachable) return 'kvm';
    throw new MultipassError(
      'ACCELERATOR_UNAVAILABLE',
      `the accelerator "${wanted}" cannot be used here`,
      {
        hint:
          `See that ${device} is there and that you may open it, or let it be chosen (\`multipass set ` +
          `local.accelerator=auto\`).`,
      },
    );
  }
  return isReachable && (await hasRunGuests(request)) ? 'kvm' : 'tcg';
}

async function hasRunGuests({ layout, program, signal }: AcceleratorRequest): Promise<boolean> {
  const boot = bootId();
  const known = remembered(layout, boot);
  if (known !== undefined) return known;
  const works = await kvmRunsGuests({ program, signal });
  await replaceRecord(layout.acceleratorFile, { boot, works });
  return works;
}

/** What was found out in this boot of the host; a file that cannot be read is no answer. */
function remembered(layout: StoreLayout, boot: string): boolean | undefined {
  try {
    const place = readRecordIfAny(layout.acceleratorFile);
    if (place === undefined || boot === '' || place.key('boot').string() !== boot) return undefined;
    return place.key('works').boolean();
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
