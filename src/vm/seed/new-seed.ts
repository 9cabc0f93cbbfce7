import type { MacAddress } from '../../net/mac-address.js';
import { retargetMetaData } from '../../net/meta-data.js';
import { newNetworkConfig } from '../../net/network-config.js';
import { withIdentityHook } from './identity-hook.js';
import { writeIso } from './iso9660-writer.js';
import { newUserData } from './user-data.js';
import { newVendorConfig } from './vendor-data.js';

/** What the seed of a new instance says. */
export interface NewSeedRequest {
  readonly hostname: string;
  readonly instanceId: string;
  /** Those of the spec, in its order. */
  readonly interfaces: readonly { readonly mac: MacAddress; readonly auto: boolean }[];
  /** One line of OpenSSH, which may log in as the default user. */
  readonly publicKey: string;
  /** What the user wants of cloud-init, as given; null for nothing. */
  readonly userData: Buffer | null;
  /** Where the user-data is from, for messages: a path or URL. */
  readonly userDataFrom?: string | undefined;
  /** An Olson name: `Europe/Berlin`. */
  readonly timezone: string;
  /** Packages that cloud-init installs at the first boot, besides the user's. */
  readonly packages?: readonly string[] | undefined;
}

/**
 * The seed of a new instance: the four files of Multipass 1.15 and 1.16, and in vendor-data the hook that gives each
 * later clone a machine-id of its own, so that a clone need not change that file.
 * @returns the ISO image
 * @throws MultipassError INVALID_ARGUMENT naming the place, for user-data that cloud-init could not read
 */
export function newSeed(request: NewSeedRequest): Buffer {
  const { hostname, instanceId, publicKey, timezone, userData, packages = [] } = request;
  const vendorConfig = newVendorConfig({ publicKey, timezone, packages });
  const files: Record<string, Buffer | string> = {
    'meta-data': retargetMetaData(null, { instanceId, hostname }, 'meta-data'),
    'vendor-data': withIdentityHook(Buffer.from(vendorConfig)) ?? vendorConfig,
    'user-data': newUserData({
      userData,
      from: request.userDataFrom,
      additions: { users: ['default'], ssh_authorized_keys: [publicKey], packages },
    }),
    'network-config': newNetworkConfig(request.interfaces),
  };
  return writeIso(Object.entries(files).map(([name, data]) => ({ name, data: Buffer.from(data) })));
}
