import { basename, join } from 'node:path';

/** File names inside an instance's folder; what a clone does with each is in vm/clone/policy.ts. */
export const INSTANCE_FILES = {
  spec: 'spec.json',
  imageRecord: 'image-record.json',
  disk: 'disk.qcow2',
  /** A head in the making; only while an operation in place is unfinished. */
  newDisk: 'disk.qcow2.new',
  seed: 'cloud-init-config.iso',
  snapshots: 'snapshots',
  pending: 'pending.json',
  /** What a guest goes on with that has another's memory, and the two files of that; until its first start. */
  memory: 'memory.json',
  ram: 'memory.ram',
  devices: 'memory.devices',
  lock: 'lock',
  run: 'run',
  /** Only while the folder is in staging: what it has claimed. Gone before it is published. */
  claim: '.claim',
} as const;

/** A hard link to an image's disk, which the head is a thin layer on. */
export const BASE_FILE = /^base-[A-Za-z0-9_-]{1,128}\.qcow2$/;

/** The folder of one instance, published or in staging: where each of its files is. A value without I/O. */
export class InstanceDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** The folder's name: the instance's name once it is published. */
  get name(): string {
    return basename(this.path);
  }

  get spec(): string {
    return this.file(INSTANCE_FILES.spec);
  }

  get imageRecord(): string {
    return this.file(INSTANCE_FILES.imageRecord);
  }

  get disk(): string {
    return this.file(INSTANCE_FILES.disk);
  }

  /** A head in the making, until it is renamed over the head; only while an operation in place is unfinished. */
  get newDisk(): string {
    return this.file(INSTANCE_FILES.newDisk);
  }

  get seed(): string {
    return this.file(INSTANCE_FILES.seed);
  }

  get snapshots(): string {
    return this.file(INSTANCE_FILES.snapshots);
  }

  get pending(): string {
    return this.file(INSTANCE_FILES.pending);
  }

  /** What is to be renewed before anybody meets its guest, which goes on from another's memory. */
  get memory(): string {
    return this.file(INSTANCE_FILES.memory);
  }

  /** That memory: a hard link to what all clones of the same moment begin with. */
  get ram(): string {
    return this.file(INSTANCE_FILES.ram);
  }

  /** The state of all devices at that moment, likewise. */
  get devices(): string {
    return this.file(INSTANCE_FILES.devices);
  }

  get lock(): string {
    return this.file(INSTANCE_FILES.lock);
  }

  /** The folder of what belongs to this run of it; never copied. */
  get run(): string {
    return this.file(INSTANCE_FILES.run);
  }

  /** A file of this run, by its plain name. */
  runFile(name: string): string {
    return join(this.run, name);
  }

  /** The pid and start time of the QEMU that runs it, as JSON. */
  get qemuPid(): string {
    return this.runFile('qemu.pid');
  }

  /** What the machine was made of when it was started, so that a suspended one is resumed on the very same. */
  get machine(): string {
    return this.runFile('machine.json');
  }

  /** The end of what the guest has written to its serial port. */
  get consoleLog(): string {
    return this.runFile('console.log');
  }

  /** What it had written there before. */
  get olderConsoleLog(): string {
    return this.runFile('console.old');
  }

  /** Empty; there once the guest has let us in, in this run. */
  get answered(): string {
    return this.runFile('answered');
  }

  /** When the guest is to shut itself down, as JSON; there while a shutdown of this run is scheduled. */
  get stopAt(): string {
    return this.runFile('stop-at.json');
  }

  /** The kernel lock of who changes the mounts of a running instance. */
  get mountsLock(): string {
    return this.runFile('mounts.lock');
  }

  /** The kernel lock of who clones, snapshots or suspends a running instance: one at a time may do so. */
  get liveLock(): string {
    return this.runFile('live.lock');
  }

  /** The kernel lock of who has its console. */
  get consoleLock(): string {
    return this.runFile('console.lock');
  }

  /** The host key of the guest, learnt at the first contact. Kept from one start to the next. */
  get knownHosts(): string {
    return this.runFile('known_hosts');
  }

  /** A hard link to the image `id`, which the head stands on. */
  base(id: string): string {
    return this.file(`base-${id}.qcow2`);
  }

  get claim(): string {
    return this.file(INSTANCE_FILES.claim);
  }

  /** Any other file of the folder, by its plain name. */
  file(name: string): string {
    return join(this.path, name);
  }
}
