/** Hardware that runs a guest's code, or the program that stands in for it. */
export type Accelerator = 'kvm' | 'tcg';

/** What a network card is plugged into, on the host's side. */
export type CardBackend =
  | {
      /** QEMU's own network: no privileges, reachable through a forwarded port only. */
      readonly kind: 'user';
      /** The guest's subnet, such as `10.12.13.0/24`. */
      readonly subnet: string;
      /** Port of the loopback interface that leads to the guest's ssh; null for none. */
      readonly sshPort: number | null;
    }
  | {
      /** A tap that QEMU finds in its network namespace, or else makes, and that is gone when QEMU is. */
      readonly kind: 'tap';
      readonly tap: string;
      /** The bridge that the tap is plugged into. */
      readonly bridge: string;
      /** Where that bridge is: on the host, or in the network namespace that the store's instances share. */
      readonly within: 'host' | 'shared';
    };

/** A network card of a machine. */
export interface Card {
  /** Lower case, with colons. */
  readonly mac: string;
  readonly backend: CardBackend;
}

/** A folder of the host that the guest may mount (9p). */
export interface Share {
  /** What the guest calls it: at most 31 letters. */
  readonly tag: string;
  /** Absolute path of the folder on the host. */
  readonly path: string;
  /**
   * Whom the guest's new files belong to: whoever made them (`passthrough`, which takes root), or whoever runs QEMU
   * (`none`).
   */
  readonly security: 'none' | 'passthrough';
}

/** The ids under which the guest sees what belongs to whoever runs QEMU. */
export interface SeenAs {
  readonly uid: number;
  readonly gid: number;
}

/** All that a machine is made of; paths are plain names in its folder. Resuming needs the very same one. */
export interface Machine {
  /** QEMU's name of the processor family: `x86_64` or `aarch64`. */
  readonly arch: string;
  /** QEMU's name of the board: `pc`, and once it runs the version it stands for: `pc-i440fx-7.2`. */
  readonly type: string;
  readonly accelerator: Accelerator;
  readonly cpus: number;
  /** Bytes; QEMU gets whole MiB. */
  readonly memory: number;
  /** SMBIOS uuid. */
  readonly uuid: string;
  /** Virtual machine generation id. */
  readonly vmgenid: string;
  /** Whether it has a CD-ROM with the seed. */
  readonly hasSeed: boolean;
  readonly cards: readonly Card[];
  readonly shares: readonly Share[];
  /** Null: the ids are the host's. */
  readonly seenAs: SeenAs | null;
}

/** Name of the block node that the head is when QEMU starts; a live clone puts another one in its place. */
const HEAD_NODE = 'head';

/**
 * What the host cannot write or read, for want of space, by a quota or by a fault, the guest is not told: it would take
 * its disk for broken. It stands still until it is let go on, and tries again.
 */
const STANDING_STILL = 'werror=stop,rerror=stop';

/** Sockets and files of a run, by their names in `run/`. */
export const RUN_SOCKETS = {
  qmp: 'sockets/qmp.sock',
  agent: 'sockets/agent.sock',
  console: 'sockets/console.sock',
} as const;

/** QEMU's name of the port that the agent in the guest has. */
export const AGENT_PORT = 'agent';

/** The folder in `run/` that QEMU makes its sockets in; nothing else is there, and nobody else writes to it. */
export const SOCKETS = 'sockets';

/** The descriptor that QEMU finds open for what the guest writes to its serial port, and QEMU's number for it. */
const CONSOLE_FD = 4;
const CONSOLE_SET = 1;

/** QEMU's name of the RAM of a PC. */
const RAM = 'pc.ram';
const MIB = 1024 ** 2;
/**
 * What a QEMU never needs once it has begun, its seccomp filter refuses: other programs, other users, rights that it
 * has not, and system calls that are there for old programs only.
 */
const SANDBOX =
  process.platform === 'linux'
    ? ['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny']
    : [];
/** The first slot that a card gets: as with Multipass's own command line, so that the guest's names for it stay. */
const FIRST_CARD_SLOT = 3;

/** A card of a guest that goes on from kept memory: on a wire of its own, where nobody else is. */
export interface LoneCard {
  /** The one that the guest knows. */
  readonly mac: string;
  /** The subnet that the guest takes itself to be in, such as `10.12.13.0/24`. */
  readonly subnet: string;
  /** The guest's address in it; null when nobody enters it by this card. */
  readonly address: string | null;
  /** The tap that it is plugged into; null: QEMU's own network. A state knows which of the two it is of. */
  readonly tap: string | null;
  /** Port of the loopback interface, where QEMU is, that leads to the guest's ssh; null for none, and with a tap. */
  readonly sshPort: number | null;
}

/** The memory of a guest in a file, and what it takes to go on with it. */
export interface KeptMemory {
  /** Name of the file in the instance's folder that is the guest's RAM, byte for byte. */
  readonly ram: string;
  /** Whether what is written to the RAM is written to the file; else it is this machine's own. */
  readonly isWritten: boolean;
  /** In place of the cards of the machine. */
  readonly cards: readonly LoneCard[];
}

/** Names of a machine's files in the instance's folder. */
export interface MachineFiles {
  readonly disk: string;
  /** The bases that the disk stands on, nearest first. */
  readonly bases: readonly string[];
  readonly seed: string;
  readonly run: string;
  /** That of {@link KeptMemory}, where its RAM is one. */
  readonly ram?: string | undefined;
}

/**
 * QEMU's arguments for a machine, to be started in the instance's folder: nothing of them depends on where that is. It
 * does not run until it is told to over QMP (`-S`). No format is probed: each file is taken for what it is said to be.
 * @param memory the file that its RAM is; by default it has a new one
 */
export function machineArguments(
  machine: Machine,
  files: MachineFiles,
  memory?: KeptMemory,
): string[] {
  const runFile = (name: string): string => optionValue(`${files.run}/${name}`);
  return [
    ...['-no-user-config', '-nodefaults', '-display', 'none', '-S', ...SANDBOX],
    ...['-machine', memory === undefined ? machine.type : `${machine.type},memory-backend=${RAM}`],
    ...(memory === undefined ? [] : ['-object', ramArgument(machine, memory)]),
    ...['-accel', machine.accelerator],
    ...['-cpu', machine.accelerator === 'tcg' ? 'max' : 'host'],
    ...['-smp', String(machine.cpus), '-m', `${Math.floor(machine.memory / MIB)}M`],
    ...['-uuid', machine.uuid],
    ...(machine.arch === 'x86_64' ? ['-device', `vmgenid,guid=${machine.vmgenid}`] : []),
    ...(machine.arch === 'aarch64' ? ['-bios', 'QEMU_EFI.fd'] : []),
    ...['-qmp', `unix:${runFile(RUN_SOCKETS.qmp)},server=on,wait=off`],
    ...['-add-fd', `fd=${CONSOLE_FD},set=${CONSOLE_SET}`],
    ...['-chardev', consoleArgument(runFile(RUN_SOCKETS.console))],
    ...['-serial', 'chardev:console'],
    ...(memory === undefined
      ? machine.cards.flatMap(({ mac, backend }, index) =>
          cardArguments(mac, netdev(backend), index),
        )
      : memory.cards.flatMap((card, index) => cardArguments(card.mac, loneNetdev(card), index))),
    ...['-device', 'virtio-scsi-pci,id=scsi0'],
    ...['-blockdev', JSON.stringify(headNode(files))],
    ...['-device', `scsi-hd,drive=${HEAD_NODE},bus=scsi0.0,bootindex=1,${STANDING_STILL}`],
    ...(machine.hasSeed ? seedArguments(files.seed) : []),
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...[
      '-chardev',
      `socket,id=${AGENT_PORT},path=${runFile(RUN_SOCKETS.agent)},server=on,wait=off`,
    ],
    ...['-device', `virtserialport,chardev=${AGENT_PORT},name=org.qemu.guest_agent.0`],
    ...machine.shares.flatMap(shareArguments),
  ];
}

/**
 * The words of the program that becomes QEMU, in a user namespace where its own ids are others: so the kernel maps the
 * ids of shared folders, both ways. None when they are the host's.
 */
export function seenAsArguments(seenAs: SeenAs | null): string[] {
  if (seenAs === null) return [];
  return ['unshare', `--map-user=${seenAs.uid}`, `--map-group=${seenAs.gid}`, '--'];
}

/** What the guest writes is logged whether anybody is connected or not. */
function consoleArgument(socket: string): string {
  const log = `logfile=/dev/fdset/${CONSOLE_SET},logappend=on`;
  return `socket,id=console,path=${socket},server=on,wait=off,${log}`;
}

/** A value inside a comma-separated option: QEMU wants a comma in it doubled. @internal for its tests */
export function optionValue(value: string): string {
  return value.replaceAll(',', ',,');
}

/** The chain is ours, not the headers': whatever those name, nothing else is opened. */
function headNode({ disk, bases }: MachineFiles): unknown {
  const backing = bases.reduceRight<unknown>(
    (below, name) => ({
      driver: 'qcow2',
      file: { driver: 'file', filename: name },
      backing: below,
    }),
    null,
  );
  const file = { driver: 'file', filename: disk, discard: 'unmap' };
  return { driver: 'qcow2', 'node-name': HEAD_NODE, discard: 'unmap', file, backing };
}

function seedArguments(seed: string): string[] {
  const file = { driver: 'file', filename: seed };
  const node = { driver: 'raw', 'node-name': 'seed', 'read-only': true, file };
  return ['-blockdev', JSON.stringify(node), '-device', 'scsi-cd,drive=seed,bus=scsi0.0'];
}

/** What a card is called by, and where it is: the same in every run, for the guest's names hang on it. */
export function cardPlace(index: number): { id: string; netdev: string; slot: string } {
  const slot = `0x${(FIRST_CARD_SLOT + index).toString(16)}`;
  return { id: `card${index}`, netdev: `net${index}`, slot };
}

function cardArguments(mac: string, backend: string, index: number): string[] {
  const { id, netdev, slot } = cardPlace(index);
  return [
    ...['-netdev', `${backend},id=${netdev}`],
    ...['-device', `virtio-net-pci,id=${id},netdev=${netdev},mac=${mac},addr=${slot},romfile=`],
  ];
}

/** By the name that it has in a state that was saved by a machine with RAM of its own. */
function ramArgument({ memory }: Machine, { ram, isWritten }: KeptMemory): string {
  const share = isWritten ? 'on' : 'off';
  const size = `${Math.floor(memory / MIB)}M`;
  return (
    `memory-backend-file,id=${RAM},size=${size},mem-path=${optionValue(ram)},share=${share},` +
    'x-use-canonical-path-for-ramblock-id=off'
  );
}

function shareArguments({ tag, path, security }: Share, index: number): string[] {
  const id = `share${index}`;
  const folder = `path=${optionValue(path)},security_model=${security},multidevs=remap`;
  return [
    ...['-fsdev', `local,id=${id},${folder}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${tag}`],
  ];
}

/** QEMU's own network, out of which no way leads, and in which the host has an address that the guest has not. */
function loneNetdev({ subnet, address, tap, sshPort }: LoneCard): string {
  if (tap !== null) return tapNetdev(tap);
  const [a, b, c] = subnet.split('.');
  const at = (last: number): string => `${a}.${b}.${c}.${last}`;
  const [host, dns] = [at(2), at(3)].includes(address ?? '') ? [at(253), at(254)] : [at(2), at(3)];
  return [
    `user,net=${subnet},restrict=on,host=${host},dns=${dns}`,
    ...(address === null ? [] : [`dhcpstart=${address}`]),
    ...(sshPort === null ? [] : [`hostfwd=tcp:127.0.0.1:${sshPort}-${address ?? ''}:22`]),
  ].join(',');
}

function netdev(backend: CardBackend): string {
  if (backend.kind === 'tap') return tapNetdev(backend.tap);
  const forward = backend.sshPort === null ? '' : `,hostfwd=tcp:127.0.0.1:${backend.sshPort}-:22`;
  return `user,net=${backend.subnet}${forward}`;
}

function tapNetdev(tap: string): string {
  return `tap,ifname=${optionValue(tap)},script=no,downscript=no`;
}
