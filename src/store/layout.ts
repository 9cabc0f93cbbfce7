import { join, relative } from 'node:path';
import { absolutePath } from '../files/absolute-path.js';
import { ImageDir } from './image-dir.js';
import { InstanceDir } from './instance-dir.js';

/** The store format that this version reads and writes. */
export const STORE_FORMAT = 1;

/**
 * Where everything of a store is. The only place that joins paths of the store; a value without I/O.
 * The layout itself is described in docs/store-layout.md.
 */
export class StoreLayout {
  /** Absolute path of the store. */
  readonly root: string;

  /** @throws MultipassError INVALID_ARGUMENT for a relative path when our own working directory was removed */
  constructor(root: string) {
    this.root = absolutePath(root);
  }

  get formatFile(): string {
    return join(this.root, 'store.json');
  }

  get instances(): string {
    return join(this.root, 'instances');
  }

  get images(): string {
    return join(this.root, 'images');
  }

  get macs(): string {
    return join(this.root, 'macs');
  }

  get staging(): string {
    return join(this.root, 'staging');
  }

  get trash(): string {
    return join(this.root, 'trash');
  }

  get keys(): string {
    return join(this.root, 'keys');
  }

  get locks(): string {
    return join(this.root, 'locks');
  }

  /** Which host a store on a shared file system belongs to. */
  get hostFile(): string {
    return join(this.root, 'host');
  }

  /** The lock of a process that makes something in this store, as its tokens name it. */
  makerLock(maker: string): string {
    return join(this.locks, `${maker}.maker`);
  }

  /** The mark that an instance ends with the process that made it. */
  ephemeral(token: string): string {
    return join(this.locks, `${token}.ephemeral`);
  }

  /** Images that are being fetched; what is here is resumed, or removed, by the next command that wants it. */
  get downloads(): string {
    return join(this.root, 'downloads');
  }

  /** The ports of the host that instances forward, a row each. Made when it is first used. */
  get ports(): string {
    return join(this.root, 'ports');
  }

  /** Locked by whoever changes the table of ports. */
  get portsLock(): string {
    return join(this.ports, 'lock');
  }

  /** What bridge mode keeps: its bridge's name and subnet, and the files of dnsmasq. Made when it is first used. */
  get network(): string {
    return join(this.root, 'network');
  }

  /** What the network keeps that instances share without root. Made when it is first used. */
  get sharedNetwork(): string {
    return join(this.network, 'shared');
  }

  /** Whether this host can have that network, found out in which boot of it. May be removed at any time. */
  get networkFindings(): string {
    return join(this.network, 'findings.json');
  }

  /** Whether the host's hardware was found to run guests, in which boot of it. May be removed at any time. */
  get acceleratorFile(): string {
    return join(this.root, 'accelerator.json');
  }

  /** What QEMU consists of, where it was found to run in a sandbox, in which boot. May be removed at any time. */
  get confinementFile(): string {
    return join(this.root, 'confinement.json');
  }

  /** Locked by whoever changes the host's network for this store. */
  get networkLock(): string {
    return join(this.network, 'lock');
  }

  get settingsFile(): string {
    return join(this.root, 'settings.json');
  }

  /** Locked by whoever changes the settings. */
  get settingsLock(): string {
    return join(this.root, 'settings.lock');
  }

  /** The instances as hosts of ssh; absent until `ssh-config --install`. */
  get sshConfig(): string {
    return join(this.root, 'ssh_config');
  }

  /** Where in registries bases of this store are. May be removed at any time. */
  get registriesFile(): string {
    return join(this.root, 'registries.json');
  }

  /** Locked by whoever changes that. */
  get registriesLock(): string {
    return join(this.root, 'registries.lock');
  }

  /** The aliases of commands; absent while there are none. */
  get aliasesFile(): string {
    return join(this.root, 'aliases.json');
  }

  /** Locked by whoever changes the aliases. */
  get aliasesLock(): string {
    return join(this.root, 'aliases.lock');
  }

  /** A folder for PATH, with an entry for each alias. */
  get bin(): string {
    return join(this.root, 'bin');
  }

  /** Where `doctor --fix` puts what it does not understand and is in the way. */
  get lostAndFound(): string {
    return join(this.root, 'lost+found');
  }

  /** Every folder of the store that is made at first use. */
  get folders(): readonly string[] {
    return [
      this.instances,
      this.images,
      this.macs,
      this.staging,
      this.trash,
      this.keys,
      this.locks,
      this.downloads,
    ];
  }

  /** The folder of an instance, whether it exists or not. */
  instance(name: string): InstanceDir {
    return new InstanceDir(join(this.instances, plainName(name)));
  }

  /** The folder of an image, whether it exists or not. */
  image(id: string): ImageDir {
    return new ImageDir(join(this.images, plainName(id)));
  }

  /** The row of a MAC address, by its twelve hex digits. */
  macRow(hex: string): string {
    return join(this.macs, plainName(hex));
  }

  /** The row of a port, by its name. */
  portRow(name: string): string {
    return join(this.ports, plainName(name));
  }

  staged(token: string): string {
    return join(this.staging, plainName(token));
  }

  trashed(token: string): string {
    return join(this.trash, plainName(token));
  }

  key(name: string): string {
    return join(this.keys, plainName(name));
  }

  /** A path as messages and JSON show it: relative to the store's root. */
  relative(path: string): string {
    return relative(this.root, path);
  }
}

/** What file systems take for one name, in bytes. */
const LONGEST_FILE_NAME = 255;

/** True for a name that a file can have, and that stays in the folder it is looked up in. */
export function isPlainName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) return false;
  return Buffer.byteLength(name) <= LONGEST_FILE_NAME;
}

/** A name that reaches this point was checked; one that could leave its folder is a bug of ours. */
function plainName(name: string): string {
  if (!isPlainName(name)) throw new Error(`not a plain file name: ${JSON.stringify(name)}`);
  return name;
}
