import { existsSync } from 'node:fs';
import { isOwnBridge } from './bridge-record.js';
import { ipJson } from './network-tool.js';
import { isOwnTap } from './tap.js';

/** A network of the host that an instance can be bridged to. */
export interface HostNetwork {
  /** Of the interface. */
  readonly name: string;
  /** `ethernet`: an interface that can be bridged. */
  readonly type: 'bridge' | 'ethernet';
  /** For people. */
  readonly description: string;
}

type Link = Readonly<Record<string, unknown>>;

/**
 * The host's ethernet cards and bridges, by name; Wi-Fi, which cannot be bridged, what other programs make for
 * containers and machines, and our own bridges are left out. Needs no privileges.
 * @throws MultipassError NETWORK_UNAVAILABLE where there is no `ip`
 */
export async function hostNetworks(signal?: AbortSignal): Promise<HostNetwork[]> {
  const links = await ipJson(['-details', 'link', 'show'], "look at this host's interfaces", {
    signal,
  });
  return networksAmong(links, isEthernetCard);
}

/**
 * What of `ip -json -details link` is a network for instances.
 * @param isCard tells whether there is hardware for ethernet behind a name
 * @internal for its tests
 */
export function networksAmong(
  links: readonly Link[],
  isCard: (name: string) => boolean,
): HostNetwork[] {
  return links
    .flatMap((link): HostNetwork[] => {
      const name = String(link['ifname']);
      const kind = kindOf(link);
      if (kind === 'bridge' && !isOwnBridge(name)) {
        return [{ name, type: 'bridge', description: describeBridge(name, links) }];
      }
      if (kind === undefined && link['link_type'] === 'ether' && isCard(name)) {
        return [{ name, type: 'ethernet', description: 'Ethernet device' }];
      }
      return [];
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What made it, such as `bridge`, `veth` or `tun`; undefined for hardware. */
function kindOf(link: Link): string | undefined {
  const info = link['linkinfo'];
  if (typeof info !== 'object' || info === null || !('info_kind' in info)) return undefined;
  return typeof info.info_kind === 'string' ? info.info_kind : undefined;
}

function describeBridge(name: string, links: readonly Link[]): string {
  const members = links
    .filter((link) => link['master'] === name)
    .map((link) => String(link['ifname']))
    .filter((member) => !isOwnTap(member))
    .sort();
  return members.length === 0 ? 'Network bridge' : `Network bridge with ${members.join(', ')}`;
}

function isEthernetCard(name: string): boolean {
  const folder = `/sys/class/net/${name}`;
  return existsSync(`${folder}/device`) && !existsSync(`${folder}/wireless`);
}
