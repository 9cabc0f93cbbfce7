import type { BridgeRecord } from './bridge-record.js';
import { networkTool } from './network-tool.js';

/** `all`: NAT and all else; `pass`: only what lets the bridge's packets through. */
export type IptablesPart = 'all' | 'pass';

type TableName = 'filter' | 'nat';

/** A rule: its chain, then its words. */
type Rule = readonly [chain: string, ...words: string[]];

/** The rules are there, before all others, in their order. */
export async function ensureIptables(
  record: BridgeRecord,
  part: IptablesPart,
  signal?: AbortSignal,
): Promise<void> {
  await ensureTable('filter', record, filterRules(record, part), signal);
  if (part === 'all') await ensureTable('nat', record, natRules(record), signal);
}

/** No rule of the bridge is left, of whatever subnet. */
export async function removeIptables(bridge: string, signal?: AbortSignal): Promise<void> {
  for (const table of ['filter', 'nat'] as const) {
    await removeRules(table, bridge, await ownRules(table, bridge, signal), signal);
  }
}

/** True when somebody else has set up iptables to do anything about packets that come in or pass. */
export async function hasIptablesRules(
  { bridge }: BridgeRecord,
  signal?: AbortSignal,
): Promise<boolean> {
  const lines = await listRules('filter', bridge, signal);
  return lines.some(
    (line) =>
      /^-[PA] (INPUT|FORWARD) /.test(line) &&
      !/^-P \w+ ACCEPT$/.test(line) &&
      !isOfBridge(line, bridge),
  );
}

async function ensureTable(
  table: TableName,
  record: BridgeRecord,
  wanted: readonly Rule[],
  signal?: AbortSignal,
): Promise<void> {
  const { bridge } = record;
  const found = await ownRules(table, bridge, signal);
  const mark = markOf(record);
  if (found.length === wanted.length && found.every((rule) => rule.includes(mark))) return;
  await removeRules(table, bridge, found, signal);
  // Each goes to the top: the last one first.
  for (const [chain, ...words] of wanted.toReversed()) {
    const comment = ['-m', 'comment', '--comment', mark];
    const at = words.indexOf('-j');
    const rule = [...words.slice(0, at), ...comment, ...words.slice(at)];
    await iptables(table, bridge, ['-I', chain, ...rule], signal);
  }
}

async function removeRules(
  table: TableName,
  bridge: string,
  rules: readonly Rule[],
  signal?: AbortSignal,
): Promise<void> {
  for (const rule of rules) await iptables(table, bridge, ['-D', ...rule], signal);
}

async function ownRules(table: TableName, bridge: string, signal?: AbortSignal): Promise<Rule[]> {
  const lines = await listRules(table, bridge, signal);
  return lines
    .filter((line) => line.startsWith('-A ') && isOfBridge(line, bridge))
    .map((line) => line.replaceAll('"', '').split(' ').slice(1) as [string, ...string[]]);
}

async function listRules(
  table: TableName,
  bridge: string,
  signal?: AbortSignal,
): Promise<string[]> {
  return (await iptables(table, bridge, ['-S'], signal)).split('\n');
}

async function iptables(
  table: TableName,
  bridge: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const doing = `${args[0] === '-S' ? 'look at' : 'change'} the firewall for the bridge "${bridge}"`;
  // -w: another program that changes rules just now is waited for.
  const { stdout } = await networkTool('iptables', ['-w', '-t', table, ...args], doing, { signal });
  return stdout;
}

function isOfBridge(line: string, bridge: string): boolean {
  return line.includes(`multipass-ts:${bridge}:`);
}

function markOf({ bridge, subnet }: BridgeRecord): string {
  return `multipass-ts:${bridge}:${subnet.toString()}`;
}

function filterRules({ bridge }: BridgeRecord, part: IptablesPart): Rule[] {
  const rules: Rule[] = [
    ['INPUT', '-i', bridge, '-p', 'udp', '--dport', '67', '-j', 'ACCEPT'],
    ['INPUT', '-i', bridge, '-p', 'udp', '--dport', '53', '-j', 'ACCEPT'],
    ['INPUT', '-i', bridge, '-p', 'tcp', '--dport', '53', '-j', 'ACCEPT'],
    ['FORWARD', '-i', bridge, '-j', 'ACCEPT'],
    ['FORWARD', '-o', bridge, ...ESTABLISHED, '-j', 'ACCEPT'],
  ];
  return part === 'pass' ? rules : [...rules, ['FORWARD', '-o', bridge, '-j', 'REJECT']];
}

const ESTABLISHED = ['-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED,DNAT'];

function natRules({ subnet }: BridgeRecord): Rule[] {
  const inside = subnet.toString();
  const from = ['POSTROUTING', '-s', inside] as const;
  return [
    [...from, '-d', '224.0.0.0/24', '-j', 'RETURN'],
    [...from, '-d', '255.255.255.255/32', '-j', 'RETURN'],
    [...from, '!', '-d', inside, '-j', 'MASQUERADE'],
  ];
}
