import { readFileSync, statSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import { canOpen, KVM_DEVICE } from '../../qemu/accelerator.js';
import type { StoreLayout } from '../../store/layout.js';
import { noteFindings, readFindings } from './accelerator-record.js';

/**
 * What the user should know where guests run in software because the host's hardware cannot be used. It is about the
 * host, and may change with each boot of it: so it is told once in each, whichever command is the first that has to.
 * @param device of the hardware; default {@link KVM_DEVICE}
 * @returns null when it has been told, and where hardware does run guests
 */
export async function newsOfEmulation(
  layout: StoreLayout,
  device: string = KVM_DEVICE,
): Promise<string | null> {
  const { works, told } = readFindings(layout);
  if (told === true || works === true) return null;
  await noteFindings(layout, { told: true }).catch((error: unknown) => {
    if (!(error instanceof MultipassError)) throw error;
    log('debug', 'run', `it will be told again: ${error.message}`);
  });
  return `guests run in software here, many times slower: ${await reason(device)}`;
}

async function reason(device: string): Promise<string> {
  const stats = statSync(device, { throwIfNoEntry: false });
  if (stats === undefined) {
    return (
      `there is no ${device}. Switch on virtualisation in the firmware of this host; where it is a virtual machine ` +
      `itself, nested virtualisation in its hypervisor.`
    );
  }
  if (!(await canOpen(device))) {
    return `you may not open ${device}. ${wayIn(groupName(stats.gid))}`;
  }
  return (
    `${device} is there, but a guest comes to no end on it. Where this host is a virtual machine itself, see to ` +
    `nested virtualisation in its hypervisor.`
  );
}

/** How a user gets to open a device of that group. @internal for its tests */
export function wayIn(group: string | undefined): string {
  return group === undefined || group === 'root'
    ? 'Have whoever runs this host give you access to it.'
    : `Join its group (\`sudo usermod -aG ${group} "$USER"\`), and log in anew.`;
}

/** @internal for its tests */
export function groupName(gid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.map((line) => line.split(':')).find(([, , id]) => id === String(gid))?.[0];
  } catch {
    return undefined;
  }
}
