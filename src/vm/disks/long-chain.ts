import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import { readQcow2 } from '../../qemu/qcow2-header.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { backingChain } from './backing-chain.js';

/** So many bases below a head do not matter; each further one is another place where its guest's reads have to look. */
const MANY_LAYERS = 8;

/** Whether a head stands on so many bases that its user should know. */
export function isLongChain(layers: number): boolean {
  return layers > MANY_LAYERS;
}

/** How many bases the head in an instance's folder stands on; 0 where that cannot be told. */
export function layersBelow(dir: InstanceDir): number {
  try {
    return backingChain(dir, readQcow2(dir.disk)).length;
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('warning', 'disks', `the bases of "${dir.name}" cannot be told: ${error.message}`);
    return 0;
  }
}
