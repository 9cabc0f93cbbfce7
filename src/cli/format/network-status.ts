import type { NetworkStatus } from '../../index.js';
import { formatSortedJson } from './json.js';
import type { ReportFormat } from './output-format.js';
import { formatTable, NO_VALUE, printable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = [{ header: 'Instance' }, { header: 'IPv4' }, { header: 'MAC' }, { header: 'Name' }];

/** As `info` has it. */
const WIDTH = 16;

/** The output of `multipass network status`. */
export function formatNetworkStatus(status: NetworkStatus, format: ReportFormat): string {
  const { damage, guests, problem, processes, ...rest } = status;
  const plain = {
    ...rest,
    damage: [...damage],
    problem: problem === null ? null : { ...problem },
    processes: { ...processes },
    guests: guests.map((guest) => ({ ...guest })),
  };
  if (format === 'json') return formatSortedJson(plain);
  if (format === 'yaml') return formatYaml(plain);
  return tableOf(status);
}

function tableOf({
  mode,
  problem,
  state,
  damage,
  bridge,
  subnet,
  processes,
  guests,
}: NetworkStatus) {
  const pids = [
    ['waits for the last instance', processes.holder],
    ['dnsmasq', processes.dnsmasq],
    ['slirp4netns', processes.way_out],
  ] as const;
  const running = pids.flatMap(([name, pid]) => (pid === null ? [] : [`${name} (${pid})`]));
  const lines: [string, string][] = [
    ['Setting', mode],
    ['State', state],
    ...damage.map((text): [string, string] => ['Damage', text]),
    ...(problem === null
      ? []
      : ([
          ['Not here', problem.why],
          ['To do', problem.hint === '' ? NO_VALUE : problem.hint],
        ] as [string, string][])),
    ['Bridge', bridge ?? NO_VALUE],
    ['Subnet', subnet ?? NO_VALUE],
    ['Processes', running.length === 0 ? NO_VALUE : running.join(', ')],
  ];
  const head = lines
    .map(([label, text]) => `${`${label}:`.padEnd(WIDTH)}${printable(text)}\n`)
    .join('');
  if (guests.length === 0) return head;
  const rows = guests.map(({ instance, address, mac, hostname }) => [
    instance ?? NO_VALUE,
    address,
    mac,
    hostname ?? NO_VALUE,
  ]);
  return `${head}\n${formatTable(COLUMNS, rows)}`;
}
