import { hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { chooseAccelerator } from '../run/choose-accelerator.js';
import { qemuProgram, qemuTarget } from '../run/qemu-program.js';
import { readSettings } from '../settings/settings.js';

/** What libvirt calls what guests run on. */
export type DomainType = 'kvm' | 'qemu';

/**
 * What a domain runs on: what an instance would run on here. A user who wants KVM gets it unseen, for the domain may be
 * for another machine; without QEMU here nothing can be tried, and its translator always works.
 * @throws MultipassError SETTING_INVALID, DISK_FULL, ABORTED, …
 */
export async function domainType(layout: StoreLayout, work: Work): Promise<DomainType> {
  const { accelerator: wanted } = readSettings(layout, process.env);
  if (wanted === 'kvm') return 'kvm';
  const program = qemuProgram(qemuTarget().arch);
  try {
    const chosen = await chooseAccelerator({ layout, wanted, program, signal: work.signal });
    return chosen === 'kvm' ? 'kvm' : 'qemu';
  } catch (error) {
    if (hasCode(error, 'TOOL_MISSING')) return 'qemu';
    throw error;
  }
}
