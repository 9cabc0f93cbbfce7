import type { BridgeRecord } from './bridge-record.js';
import { forwardTable } from './forward-table.js';
import { networkTool } from './network-tool.js';

interface Chain {
  readonly name: string;
  readonly hook: string;
  readonly rules: readonly string[];
}

/** The table is there, with all its rules. One transaction: other programs never see half of it. */
export async function ensureNftTable(record: BridgeRecord, signal?: AbortSignal): Promise<void> {
  if (await isComplete(record, signal)) return;
  const doing = `set up NAT for the bridge "${record.bridge}"`;
  await networkTool('nft', [networkScript(record)], doing, { signal });
}

/** What nft is told: the table takes the place of any that was there. */
export function networkScript(record: BridgeRecord): string {
  const table = tableOf(record.bridge);
  const body = chainsFor(record).map(({ name, hook, rules }) => {
    const lines = rules.map((rule) => `${rule} comment "${markOf(record)}"; `);
    return `chain ${name} { type ${hook}; ${lines.join('')}}; `;
  });
  return `add table ${table}; delete table ${table}; table ${table} { ${body.join('')}}`;
}

/** The table is gone, and what is forwarded to the bridge. */
export async function removeNftTable(bridge: string, signal?: AbortSignal): Promise<void> {
  // Added first, because deleting what is not there is an error.
  const script = [tableOf(bridge), forwardTable(bridge)]
    .map((table) => `add table ${table}; delete table ${table}`)
    .join('; ');
  await networkTool('nft', [script], `remove NAT of the bridge "${bridge}"`, { signal });
}

/** Every rule carries what it was made for, so that one that is gone or of another subnet is seen. */
async function isComplete(record: BridgeRecord, signal?: AbortSignal): Promise<boolean> {
  const args = ['list', 'table', ...tableOf(record.bridge).split(' ')];
  const doing = `look at NAT of the bridge "${record.bridge}"`;
  const listed = await networkTool('nft', args, doing, { signal, okExitCodes: [0, 1] });
  const found = listed.stdout.split(`comment "${markOf(record)}"`).length - 1;
  return found === chainsFor(record).flatMap(({ rules }) => rules).length;
}

function tableOf(bridge: string): string {
  return `ip multipass_ts_${bridge}`;
}

function markOf({ bridge, subnet }: BridgeRecord): string {
  return `multipass-ts:${bridge}:${subnet.toString()}`;
}

function chainsFor({ bridge, subnet }: BridgeRecord): Chain[] {
  const inside = subnet.toString();
  return [
    {
      name: 'postrouting',
      hook: 'nat hook postrouting priority 100',
      rules: [
        `ip saddr ${inside} ip daddr { 224.0.0.0/24, 255.255.255.255 } return`,
        `ip saddr ${inside} ip daddr != ${inside} masquerade`,
      ],
    },
    {
      name: 'incoming',
      hook: 'filter hook input priority 0',
      rules: [
        `iifname "${bridge}" udp dport { 53, 67 } accept`,
        `iifname "${bridge}" tcp dport 53 accept`,
      ],
    },
    {
      name: 'forwarding',
      hook: 'filter hook forward priority 0',
      rules: [
        `iifname "${bridge}" accept`,
        `oifname "${bridge}" ct state established,related accept`,
        // A port that is forwarded.
        `oifname "${bridge}" ct status dnat accept`,
        `oifname "${bridge}" reject`,
      ],
    },
  ];
}
