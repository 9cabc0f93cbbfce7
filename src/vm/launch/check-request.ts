import { MultipassError } from '../../errors.js';
import { wholeSectors } from '../../memory-size.js';
import { Work } from '../../work.js';
import { chosenForwards } from '../forwards/chosen-forwards.js';
import { requireUnclaimed } from '../forwards/port-claims.js';
import { requireNameIsFree } from '../free-name.js';
import { LEAST_DISK, LEAST_MEMORY } from '../least-sizes.js';
import { isValidName } from '../names.js';
import { requireBridges } from '../network/machine-network.js';
import { checkUserData } from '../seed/user-data.js';
import type { Settings } from '../settings/settings.js';
import type { LaunchRequest } from './launch-request.js';
import type { FullLaunchRequest } from './with-defaults.js';

/**
 * Refuses what can be refused before any work, and warns of what the user may not have meant.
 * @throws MultipassError INVALID_ARGUMENT, INVALID_NAME, NAME_TAKEN, NAME_IN_PREPARATION with Multipass's texts;
 *   NETWORK_NOT_FOUND, NETWORK_UNAVAILABLE; INVALID_ARGUMENT naming the place, for user-data that cloud-init could not
 *   read; MAC_TAKEN for a MAC address that is given twice;
 *   PORT_TAKEN for a port that an instance forwards, or that is given twice
 */
export async function checkLaunch(request: FullLaunchRequest, settings: Settings): Promise<void> {
  const { layout, name, cpus, memory, usualDisk, disk = usualDisk } = request;
  const problems = [
    ...(Number.isSafeInteger(cpus) && cpus >= 1 ? [] : [`Invalid CPU count supplied: ${cpus}.`]),
    ...(memory >= LEAST_MEMORY ? [] : [`Invalid memory size value supplied: ${memory}.`]),
    ...(disk >= LEAST_DISK ? [] : [`Invalid disk size value supplied: ${disk}.`]),
    ...(name === undefined || isValidName(name) ? [] : [`Invalid instance name supplied: ${name}`]),
  ];
  if (problems.length > 0) throw invalidArguments(problems);
  if (name !== undefined) await requireNameIsFree(layout, name);
  await checkNetworks(request, settings);
  await requireUnclaimed(layout, chosenForwards(request.forwards ?? []));
  const { userData = null, userDataFrom: from } = request;
  for (const warning of checkUserData({ userData, from })) Work.of(request.work).warn(warning);
}

/**
 * The size of the disk, in whole sectors. @throws MultipassError INVALID_ARGUMENT with Multipass's text when the image
 * is larger than what was asked for
 */
export function diskSize(
  { disk: wanted, usualDisk }: Pick<FullLaunchRequest, 'disk' | 'usualDisk'>,
  imageSize: number,
): number {
  const disk = wanted ?? Math.max(usualDisk, imageSize);
  if (disk >= imageSize) return wholeSectors(disk);
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `Requested disk (${disk} bytes) below minimum for this image (${imageSize} bytes)`,
    {
      hint: 'Ask for a larger disk (`--disk`), or for none: it is then as large as the image wants.',
    },
  );
}

/** A MAC address that is in use, or given twice, with Multipass's text. */
export function repeatedMac(mac: string): MultipassError {
  return new MultipassError('MAC_TAKEN', `Repeated MAC address ${mac}`, {
    hint: 'Give another one, or none: then a free one is chosen.',
    details: { mac },
  });
}

async function checkNetworks(request: LaunchRequest, settings: Settings): Promise<void> {
  const { networks = [] } = request;
  if (networks.length === 0) return;
  if (settings.network !== 'bridge') {
    throw new MultipassError(
      'NETWORK_UNAVAILABLE',
      'interfaces on networks of the host need local.network=bridge',
      {
        hint: 'As root, `multipass set local.network=bridge`; or leave the networks out (`--network`, `--bridged`).',
      },
    );
  }
  const macs = networks.flatMap(({ mac }) => (mac === null ? [] : [mac.toString()]));
  const twice = macs.find((mac, index) => macs.indexOf(mac) !== index);
  if (twice !== undefined) throw repeatedMac(twice);
  await requireBridges(networks.map((network) => network.name));
}

function invalidArguments(problems: readonly string[]): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', 'Invalid arguments supplied', {
    hint:
      'Ask for 1 CPU, 128M of memory and 512M of disk at least, and for a name of letters, digits and ' +
      'hyphens, a letter first.',
    details: { lines: problems },
  });
}
