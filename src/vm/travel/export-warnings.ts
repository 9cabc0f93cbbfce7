import { readdirSync } from 'node:fs';
import type { Work } from '../../work.js';
import { cloneAction } from '../clone/policy.js';
import type { InstanceReading } from '../read-instance.js';
import type { TravelConfig } from './travel-config.js';

/** Tells what does not travel, and what does that the user may not have thought of. */
export function warnOfExport(
  config: TravelConfig,
  { reading, work }: { readonly reading: InstanceReading; readonly work: Work },
): void {
  if (config.privateKey !== null) {
    work.warn('the archive has the private ssh key of the guest in it: keep it as safe as that');
  }
  if (config.identity !== null) {
    work.warn(`"${reading.name}" must not run here any more once it runs where it goes to`);
  }
  if (config.seed === null) work.warn(`"${reading.name}" has no seed, and so none travels`);
  if (reading.spec.forwards.length > 0) work.warn('its forwards of ports stay here');
  for (const file of readdirSync(reading.dir.path)) {
    if (cloneAction(file) === 'copy') work.warn(`"${file}" in its folder stays here`);
  }
}

/** How many bytes of user-data travel, which may hold secrets. */
export function userDataBytes({ seed }: TravelConfig): number {
  return seed?.find(({ name }) => name === 'user-data')?.data.length ?? 0;
}
