import { basename, join } from 'node:path';

/** File names inside an instance's folder; what a clone does with each is in vm/clone/policy.ts. */
export const INSTANCE_FILES = {
  spec: 'spec.json',
  imageRecord: 'image-record.json',
  disk: 'disk.qcow2',
  seed: 'cloud-init-config.iso',
  snapshots: 'snapshots',
  pending: 'pending.json',
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

  get seed(): string {
    return this.file(INSTANCE_FILES.seed);
  }

  get snapshots(): string {
    return this.file(INSTANCE_FILES.snapshots);
  }

  get pending(): string {
    return this.file(INSTANCE_FILES.pending);
  }

  get lock(): string {
    return this.file(INSTANCE_FILES.lock);
  }

  /** The pid and start time of the QEMU that runs it, as JSON. */
  get qemuPid(): string {
    return join(this.path, INSTANCE_FILES.run, 'qemu.pid');
  }

  get claim(): string {
    return this.file(INSTANCE_FILES.claim);
  }

  /** Any other file of the folder, by its plain name. */
  file(name: string): string {
    return join(this.path, name);
  }
}
