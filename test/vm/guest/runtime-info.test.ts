import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseRuntimeInfo } from '../../../src/vm/guest/runtime-info.js';

const MARK = '=multipass=\n';

const UBUNTU = [
  '0.45 0.51 0.15 1/120 1234\n',
  '2\n',
  'MemTotal:        1004948 kB\nMemFree:          123456 kB\nMemAvailable:     654321 kB\n',
  'Filesystem     1024-blocks    Used Available Capacity Mounted on\n/dev/sda1          5034088 1783420   3234284      36% /\n',
  'Ubuntu 24.04.3 LTS\n',
  '2: ens3    inet 10.10.1.5/24 metric 100 brd 10.10.1.255 scope global dynamic ens3\\       valid_lft 3000sec\n3: docker0    inet 172.17.0.1/16 brd 172.17.255.255 scope global docker0\\       valid_lft forever\n',
];

/** What busybox prints. */
const BUSYBOX = [
  '0.22 0.05 0.02 1/59 312\n',
  '1\n',
  'MemTotal:         466380 kB\nMemFree:          421212 kB\nBuffers: 1 kB\n',
  'Filesystem           1024-blocks    Used Available Use% Mounted on\n/dev/root               228136     18628    204960   8% /\n',
  'Tiny test guest\n',
  '2: eth0    inet 10.216.143.15/24 brd 10.216.143.255 scope global eth0\\       valid_lft forever preferred_lft forever\n',
];

function output(answers: readonly string[]): string {
  return answers.map((answer) => `${answer}${MARK}`).join('');
}

const UNKNOWN = {
  ipv4: [],
  release: '',
  cpuCount: null,
  load: [],
  diskUsed: null,
  diskTotal: null,
  memoryUsed: null,
  memoryTotal: null,
};

describe('parseRuntimeInfo', () => {
  it('reads what Ubuntu says', () => {
    expect(parseRuntimeInfo(output(UBUNTU))).toEqual({
      ipv4: ['10.10.1.5', '172.17.0.1'],
      release: 'Ubuntu 24.04.3 LTS',
      cpuCount: 2,
      load: ['0.45', '0.51', '0.15'],
      diskUsed: 1_783_420 * 1024,
      diskTotal: 5_034_088 * 1024,
      memoryUsed: (1_004_948 - 654_321) * 1024,
      memoryTotal: 1_004_948 * 1024,
    });
  });

  it('reads what busybox says, with less about memory', () => {
    expect(parseRuntimeInfo(output(BUSYBOX))).toMatchObject({
      ipv4: ['10.216.143.15'],
      diskUsed: 18_628 * 1024,
      memoryUsed: (466_380 - 421_212) * 1024,
    });
  });

  it('goes by the kernel of this host as well', () => {
    const sh = (line: string): string => execFileSync('sh', ['-c', line], { encoding: 'utf8' });
    const answers = ['cat /proc/loadavg', 'nproc', 'cat /proc/meminfo', 'df -Pk /'].map(sh);
    const info = parseRuntimeInfo(output([...answers, '', '']));
    expect(info.load).toHaveLength(3);
    expect(info.cpuCount).toBeGreaterThan(0);
    expect(info.diskTotal).toBeGreaterThan(info.diskUsed!);
    expect(info.memoryTotal).toBeGreaterThan(info.memoryUsed!);
  });

  it.for([0, 1, 2, 3, 4, 5])('knows the rest when answer %i is missing', (missing) => {
    const full = parseRuntimeInfo(output(UBUNTU));
    const part = parseRuntimeInfo(output(UBUNTU.map((text, at) => (at === missing ? '' : text))));
    const changed = Object.keys(full).filter(
      (key) =>
        JSON.stringify(full[key as keyof typeof full]) !==
        JSON.stringify(part[key as keyof typeof part]),
    );
    const concerned = [
      ['load'],
      ['cpuCount'],
      ['memoryUsed', 'memoryTotal'],
      ['diskUsed', 'diskTotal'],
      ['release'],
      ['ipv4'],
    ];
    expect(changed).toEqual(concerned[missing]);
  });

  it('knows nothing of a guest that says nothing, or something else', () => {
    expect(parseRuntimeInfo('')).toEqual(UNKNOWN);
    expect(parseRuntimeInfo(output(['', '', '', '', '', '']))).toEqual(UNKNOWN);
    expect(parseRuntimeInfo(output(['x', '-1', 'MemTotal: lots', 'df: no', '', 'inet x']))).toEqual(
      UNKNOWN,
    );
  });
});
