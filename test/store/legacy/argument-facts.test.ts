import { expect, it } from 'vitest';
import { readArgumentFacts } from '../../../src/store/legacy/argument-facts.js';

const NOTHING = { cpus: null, memory: null, macs: [] };

it('reads CPUs, memory and MACs from a command line on Linux', () => {
  const args = [
    '--enable-kvm',
    '-nic',
    'tap,ifname=tap-1,script=no,model=virtio-net-pci,mac=52:54:00:aa:00:00',
    '-nic',
    'bridge,br=br-en1,model=virtio-net-pci,mac=52:54:00:aa:00:01,helper=./bridge_helper',
    ...['-smp', '4', '-m', '2048M', '-qmp', 'stdio'],
  ];
  expect(readArgumentFacts(args)).toEqual({
    cpus: 4,
    memory: 2 ** 31,
    macs: ['52:54:00:aa:00:00', '52:54:00:aa:00:01'],
  });
});

it('names a MAC once, where an old command line has it twice', () => {
  const args = [
    '-device',
    'virtio-net-pci,id=net0,mac=52:54:00:aa:00:00',
    '-x',
    'mac=52:54:00:aa:00:00',
  ];
  expect(readArgumentFacts(args).macs).toEqual(['52:54:00:aa:00:00']);
});

it('takes a bare number for MiB, as QEMU does', () => {
  expect(readArgumentFacts(['-m', '512']).memory).toBe(2 ** 29);
});

it.each([
  [[]],
  [['-smp']],
  [['-smp', '0', '-m', '0M']],
  [['-smp', 'cores=2', '-m', 'size=1G']],
  [['file=/tmp/imac=5,if=none']],
])('knows nothing from %j', (args) => {
  expect(readArgumentFacts(args)).toEqual(NOTHING);
});
