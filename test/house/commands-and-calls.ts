/** A command that has nothing for a program to call, and why. */
interface NoCall {
  readonly none: string;
}

/** Calls of `store`, a VirtualMachineStore, and of `vm`, a VirtualMachine: `store.launch`. */
type Calls = readonly `${'store' | 'vm'}.${string}`[];

const NO_SERVICE: NoCall = { none: 'there is no daemon to speak to' };
const OF_THE_COMMAND: NoCall = { none: 'it is about the command itself' };

/** For each command the calls by which a program does the same; `calls.test.ts` holds it against both. */
export const CALLS: Readonly<Record<string, Calls | NoCall>> = {
  adopt: ['vm.adopt'],
  alias: ['store.defineAlias'],
  aliases: ['store.aliases'],
  authenticate: NO_SERVICE,
  autostart: [
    'store.autostarted',
    'store.autostartUnit',
    'store.installAutostart',
    'store.removeAutostart',
    'store.suspendAll',
  ],
  clone: ['vm.clone', 'vm.cloneMany'],
  completion: OF_THE_COMMAND,
  console: ['vm.console'],
  copy: ['vm.copyTo'],
  delete: ['vm.delete', 'vm.purge', 'vm.deleteSnapshot'],
  doctor: ['store.doctor'],
  exec: ['vm.exec', 'vm.spawn', 'vm.shell'],
  export: ['vm.export'],
  find: ['store.find'],
  flatten: ['vm.flatten'],
  forward: ['vm.forward', 'vm.unforward', 'vm.forwards'],
  forwards: ['store.forwards'],
  get: ['store.getSetting', 'store.settingKeys'],
  help: OF_THE_COMMAND,
  image: ['store.images', 'store.importImage', 'store.removeImage'],
  import: ['store.import', 'store.bases'],
  info: ['vm.info', 'vm.view', 'vm.snapshots'],
  launch: ['store.launch'],
  list: ['store.list', 'store.snapshots', 'store.watch'],
  logs: ['vm.logs'],
  migrate: ['store.migrate'],
  mount: ['vm.mount'],
  network: ['store.networkStatus'],
  networks: ['store.networks'],
  prefer: ['store.preferAliases'],
  pull: ['store.pull'],
  purge: ['store.purge', 'store.purgeImages'],
  push: ['vm.push'],
  recover: ['vm.recover'],
  rename: ['vm.rename'],
  restart: ['vm.restart'],
  restore: ['vm.restore'],
  set: ['store.setSetting'],
  shell: ['vm.shell'],
  snapshot: ['vm.snapshot'],
  to: ['vm.handOver'],
  'ssh-config': ['store.sshConfig', 'store.installSshConfig'],
  start: ['vm.start'],
  stop: ['vm.stop', 'vm.scheduleStop'],
  suspend: ['vm.suspend'],
  transfer: [
    'vm.upload',
    'vm.download',
    'vm.writeFile',
    'vm.readFile',
    'vm.streamFile',
    'store.download',
  ],
  tree: ['store.tree'],
  umount: ['vm.unmount'],
  unalias: ['store.removeAliases'],
  version: OF_THE_COMMAND,
  'wait-ready': NO_SERVICE,
  __complete: OF_THE_COMMAND,
  '__end-live': { none: 'it is what the guard of a live clone runs, when the command was killed' },
  __connect: { none: 'it is what ssh runs, for `ssh-config`' },
};

/** Calls that are about programs: no command has them. */
export const OTHERS: Calls = [
  'store.get',
  'store.instance',
  'store.takeOver',
  'store.toJSON',
  'vm.waitFor',
  'vm.keep',
  'vm.strayTags',
  'vm.toJSON',
];
