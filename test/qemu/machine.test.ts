import { describe, expect, it } from 'vitest';
import { machineArguments, optionValue, type Machine } from '../../src/qemu/machine.js';

const FILES = { disk: 'disk.qcow2', bases: [], seed: 'seed.iso', run: 'run' };

const PLAIN: Machine = {
  arch: 'x86_64',
  type: 'pc',
  accelerator: 'tcg',
  cpus: 2,
  memory: 1024 ** 3,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: true,
  shares: [],
  seenAs: null,
  cards: [
    {
      mac: '52:54:00:00:00:01',
      backend: { kind: 'user', subnet: '10.1.2.0/24', sshPort: 2222 },
    },
  ],
};

/** The values of an option, in order. */
function valuesOf(option: string, machine: Machine): string[] {
  const args = machineArguments(machine, FILES);
  return args.flatMap((arg, at) => (args[at - 1] === option ? [arg] : []));
}

describe('machineArguments', () => {
  it('makes of a plain machine what it always makes', () => {
    expect(lines(machineArguments(PLAIN, FILES))).toMatchInlineSnapshot(`
      "-no-user-config
      -nodefaults
      -display none
      -S
      -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
      -machine pc
      -accel tcg
      -cpu max
      -smp 2
      -m 1024M
      -uuid 11111111-2222-4333-8444-555555555555
      -device vmgenid,guid=66666666-7777-4888-9999-aaaaaaaaaaaa
      -qmp unix:run/sockets/qmp.sock,server=on,wait=off
      -add-fd fd=4,set=1
      -chardev socket,id=console,path=run/sockets/console.sock,server=on,wait=off,logfile=/dev/fdset/1,logappend=on
      -serial chardev:console
      -netdev user,net=10.1.2.0/24,hostfwd=tcp:127.0.0.1:2222-:22,id=net0
      -device virtio-net-pci,id=card0,netdev=net0,mac=52:54:00:00:00:01,addr=0x3,romfile=
      -device virtio-scsi-pci,id=scsi0
      -blockdev {"driver":"qcow2","node-name":"head","discard":"unmap","file":{"driver":"file","filename":"disk.qcow2","discard":"unmap"},"backing":null}
      -device scsi-hd,drive=head,bus=scsi0.0,bootindex=1,werror=stop,rerror=stop
      -blockdev {"driver":"raw","node-name":"seed","read-only":true,"file":{"driver":"file","filename":"seed.iso"}}
      -device scsi-cd,drive=seed,bus=scsi0.0
      -device virtio-rng-pci
      -device virtio-serial-pci
      -chardev socket,id=agent,path=run/sockets/agent.sock,server=on,wait=off
      -device virtserialport,chardev=agent,name=org.qemu.guest_agent.0"
    `);
  });

  it('puts each card into the next slot, with its own network behind it', () => {
    const machine: Machine = {
      ...PLAIN,
      cards: [
        {
          mac: '52:54:00:00:00:01',
          backend: { kind: 'tap', tap: 'mpabc-0', bridge: 'br0', within: 'host' },
        },
        {
          mac: '52:54:00:00:00:02',
          backend: { kind: 'user', subnet: '10.9.9.0/24', sshPort: null },
        },
        {
          mac: '52:54:00:00:00:03',
          backend: { kind: 'tap', tap: 'mpabc-2', bridge: 'br1', within: 'host' },
        },
      ],
    };
    expect(valuesOf('-netdev', machine)).toEqual([
      'tap,ifname=mpabc-0,script=no,downscript=no,id=net0',
      'user,net=10.9.9.0/24,id=net1',
      'tap,ifname=mpabc-2,script=no,downscript=no,id=net2',
    ]);
    expect(valuesOf('-device', machine).filter((device) => device.includes('netdev'))).toEqual([
      'virtio-net-pci,id=card0,netdev=net0,mac=52:54:00:00:00:01,addr=0x3,romfile=',
      'virtio-net-pci,id=card1,netdev=net1,mac=52:54:00:00:00:02,addr=0x4,romfile=',
      'virtio-net-pci,id=card2,netdev=net2,mac=52:54:00:00:00:03,addr=0x5,romfile=',
    ]);
  });

  it('leaves the CD-ROM out where there is no seed', () => {
    const without = machineArguments({ ...PLAIN, hasSeed: false }, FILES).join(' ');
    expect(without).not.toContain('seed');
    expect(without).not.toContain('scsi-cd');
  });

  it('asks hardware for the processor that it is, and the translator for all it can do', () => {
    expect(valuesOf('-cpu', { ...PLAIN, accelerator: 'kvm' })).toEqual(['host']);
    expect(valuesOf('-cpu', PLAIN)).toEqual(['max']);
  });

  it('gives a guest on arm64 its firmware, and no generation id', () => {
    const arm: Machine = { ...PLAIN, arch: 'aarch64', type: 'virt' };
    expect(valuesOf('-bios', arm)).toEqual(['QEMU_EFI.fd']);
    expect(valuesOf('-device', arm).some((device) => device.startsWith('vmgenid'))).toBe(false);
  });

  it('rounds memory down to whole MiB', () => {
    expect(valuesOf('-m', { ...PLAIN, memory: 600 * 1024 ** 2 + 12345 })).toEqual(['600M']);
  });

  it('keeps commas of names from becoming options', () => {
    const names = { disk: 'a,driver=b', bases: ['c,d'], seed: 's,t', run: 'r,u,n' };
    const args = machineArguments(
      {
        ...PLAIN,
        cards: [
          { ...PLAIN.cards[0]!, backend: { kind: 'tap', tap: 'a,b', bridge: 'c', within: 'host' } },
        ],
      },
      names,
    );
    expect(args).toContain('unix:r,,u,,n/sockets/qmp.sock,server=on,wait=off');
    expect(args).toContain('tap,ifname=a,,b,script=no,downscript=no,id=net0');
    const nodes = args
      .filter((arg) => arg.startsWith('{'))
      .map((arg) => JSON.parse(arg) as unknown);
    expect(nodes).toMatchObject([
      { file: { filename: 'a,driver=b' }, backing: { file: { filename: 'c,d' } } },
      { file: { filename: 's,t' } },
    ]);
  });

  it('names every base of the disk itself, whatever the headers say', () => {
    const args = machineArguments(PLAIN, { ...FILES, bases: ['base-b.qcow2', 'base-a.qcow2'] });
    const [head] = args.filter((arg) => arg.includes('"head"'));
    const file = (filename: string): unknown => ({ driver: 'file', filename });
    expect(JSON.parse(head!)).toMatchObject({
      backing: {
        driver: 'qcow2',
        file: file('base-b.qcow2'),
        backing: { driver: 'qcow2', file: file('base-a.qcow2'), backing: null },
      },
    });
  });

  it('names no file but those of the folder it is started in', () => {
    // A descriptor that it gets is no file.
    const args = machineArguments(PLAIN, FILES).map((arg) => arg.replace('/dev/fdset/1', ''));
    expect(args.filter((arg) => /(?:^|[=:"])\//.test(arg))).toEqual([]);
  });
});

describe('optionValue', () => {
  it('doubles commas alone', () => {
    expect(optionValue(`a,b,,c "d" 'e' \\ %`)).toBe(`a,,b,,,,c "d" 'e' \\ %`);
  });
});

/** An option and its value on each line. */
function lines(args: readonly string[]): string {
  return args.join('\n').replaceAll(/\n(?!-)/g, ' ');
}
