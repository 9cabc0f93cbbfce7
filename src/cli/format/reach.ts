import type { Reach } from '../../index.js';

/** What JSON and YAML say of how a running instance is reached; nothing for one that does not run. */
export function reachEntries(reach: Reach | undefined): {
  readonly reachable_from?: Reach['from'];
  readonly ssh_port?: number;
} {
  if (reach === undefined) return {};
  const { from, sshPort } = reach;
  return { reachable_from: from, ...(sshPort === null ? {} : { ssh_port: sshPort }) };
}

/** The addresses as a person reads them: one that leads nowhere says so, and what does lead to its ssh server. */
export function reachLines(ipv4: readonly string[], reach: Reach | undefined): string[] {
  if (reach?.from !== 'nothing') return [...ipv4];
  const ssh = reach.sshPort === null ? '' : `, ssh at 127.0.0.1:${reach.sshPort}`;
  return ipv4.map((address, at) => `${address} (inside only${at === 0 ? ssh : ''})`);
}
