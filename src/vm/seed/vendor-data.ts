import { toYaml } from '../../yaml.js';

/** What the vendor, that is we, wants of a new guest. */
export interface VendorData {
  /** One line of OpenSSH, which may log in as the default user. */
  readonly publicKey: string;
  /** An Olson name: `Europe/Berlin`. */
  readonly timezone: string;
  /** Packages that cloud-init installs at the first boot. */
  readonly packages: readonly string[];
}

/**
 * The cloud-config that Multipass gives every guest, without its `pollinate` package and the file that tells Ubuntu's
 * servers of the guest: we tell nobody about our users.
 */
export function newVendorConfig({ publicKey, timezone, packages }: VendorData): string {
  const config = toYaml({
    growpart: { mode: 'auto', devices: ['/'], ignore_growroot_disabled: false },
    users: ['default'],
    manage_etc_hosts: true,
    ssh_authorized_keys: [publicKey],
    timezone,
    system_info: { default_user: { name: 'ubuntu' } },
    packages: packages.length === 0 ? undefined : packages,
  });
  return `#cloud-config\n${config}`;
}
