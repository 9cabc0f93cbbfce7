import type { IdMapping } from '../../vm/records/mount.js';

/** `1000:1000`; the guest's default user or group, -1, is printed as `default`. */
export function formatIdMaps(mappings: readonly IdMapping[]): string[] {
  return mappings.map(({ host, guest }) => `${host}:${guest === -1 ? 'default' : guest}`);
}
