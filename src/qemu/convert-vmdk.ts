import { resolve } from 'node:path';
import { qemuImg, type Abortable } from './qemu-img-run.js';

/**
 * Writes a qcow2 image of our own as a vmdk disk that is compressed and one file, as an OVA has it.
 * @throws MultipassError DISK_FULL, ABORTED, TOOL_MISSING, TOOL_FAILED
 */
export async function convertToVmdk(
  source: string,
  target: string,
  { signal }: Abortable = {},
): Promise<void> {
  const words = ['-f', 'qcow2', '-O', 'vmdk', '-o', 'subformat=streamOptimized'];
  await qemuImg(['convert', ...words, '--', resolve(source), resolve(target)], {
    path: source,
    signal,
  });
}
