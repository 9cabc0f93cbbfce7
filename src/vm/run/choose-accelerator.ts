import { MultipassError } from '../../errors.js';
import { canOpen, KVM_DEVICE, kvmRunsGuests } from '../../qemu/accelerator.js';
import type { Accelerator } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { noteFindings, readFindings } from './accelerator-record.js';

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
  const known = readFindings(layout).works;
  if (known !== undefined) return known;
  const works = await kvmRunsGuests({ program, signal });
  await noteFindings(layout, { works });
  return works;
}
