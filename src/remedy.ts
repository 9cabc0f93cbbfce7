/*
 * Hints name command lines, which is what most people who read them can do. A program has calls for the same.
 */

/** What a command line is as a call. @param words those that are no options @param has whether an option is there */
type AsCall = (words: readonly string[], has: (option: string) => boolean) => string;

const CALLS: Readonly<Record<string, AsCall>> = {
  adopt: () => 'vm.adopt()',
  aliases: () => 'store.aliases()',
  autostart: ([action]) => `store.${action ?? 'install'}Autostart()`,
  clone: (_, has) => {
    const how = ['cold', 'live'].find((name) => has(`--${name}`));
    return how === undefined ? 'vm.clone()' : `vm.clone(undefined, { ${how}: true })`;
  },
  delete: ([place = ''], has) => {
    const [, snapshot] = place.split('.');
    if (snapshot !== undefined) return `vm.deleteSnapshot('${snapshot}')`;
    return has('--purge') ? 'vm.purge()' : 'vm.delete()';
  },
  doctor: (_, has) => (has('--fix') ? 'store.doctor({ fix: true })' : 'store.doctor()'),
  exec: ([, ...argv]) => `vm.exec([${argv.map((word) => `'${word}'`).join(', ')}])`,
  export: (_, has) => (has('--flat') ? 'vm.export(path, { flat: true })' : 'vm.export(path)'),
  find: () => 'store.find()',
  flatten: () => 'vm.flatten()',
  forward: (_, has) =>
    has('--remove')
      ? 'vm.unforward({ host, address, protocol })'
      : has('--list')
        ? 'vm.forwards()'
        : 'vm.forward({ host, guest })',
  get: ([key]) => (key === undefined ? 'store.settingKeys()' : `store.getSetting('${key}')`),
  image: () => 'store.images()',
  import: () => 'store.import(path)',
  info: () => 'vm.info()',
  launch: ([image]) =>
    image === undefined ? 'store.launch()' : `store.launch({ image: '${image}' })`,
  list: (_, has) => (has('--snapshots') ? 'store.snapshots()' : 'store.list()'),
  logs: (_, has) => (has('-f') ? 'vm.logs({ follow: true })' : 'vm.logs()'),
  migrate: (_, has) => (has('--from') ? 'store.migrate({ from: folder })' : 'store.migrate()'),
  mount: (_, has) => (has('--type') ? "vm.mount(folder, { type: 'native' })" : 'vm.mount(folder)'),
  // What else there is of it is for people, and for root.
  network: ([action = 'status']) =>
    action === 'status' ? 'store.networkStatus()' : `network ${action}, on the command line`,
  networks: () => 'store.networks()',
  pull: () => 'store.pull(reference)',
  purge: (_, has) => (has('--images') ? 'store.purgeImages()' : 'store.purge()'),
  push: () => 'vm.push(reference)',
  recover: () => 'vm.recover()',
  set: ([pair = '']) => {
    const [key = '', value = ''] = pair.split('=');
    return `store.setSetting('${key}', '${value}')`;
  },
  snapshot: (_, has) => (has('--live') ? 'vm.snapshot({ live: true })' : 'vm.snapshot()'),
  start: () => 'vm.start()',
  stop: (_, has) => (has('--force') ? 'vm.stop({ force: true })' : 'vm.stop()'),
  umount: ([place = '']) => {
    const at = place.indexOf(':');
    return at < 0 ? 'vm.unmount()' : `vm.unmount('${place.slice(at + 1)}')`;
  },
  unalias: ([name = '']) => `store.removeAliases(['${name}'])`,
};

/** What options that a hint names by themselves are called in the options of a call. */
const OPTIONS: Readonly<Record<string, string>> = {
  '--disk': 'disk',
  '--timeout': 'timeoutMs',
  '--keep-base': 'keepBase',
  '--keep-identity': 'keepIdentity',
  '--containerdisk': 'containerDisk: true',
  '--no-clobber': 'clobber: false',
  '--from': 'from',
  '--compress gzip': "compression: 'gzip'",
  '--network': 'networks',
  '--bridged': 'networks',
  '--uid-map': 'uidMappings',
  '--gid-map': 'gidMappings',
  '--type classic': "type: 'classic'",
  '--image-format': 'imageFormat',
  '--image-format raw': "imageFormat: 'raw'",
  '[ADDRESS:]HOST:GUEST[/udp]': '{ host, guest, address, protocol }',
  '8080:80': '{ host: 8080, guest: 80 }',
  "--name 'node-{n}'": "'node-{n}'",
};

/**
 * A hint for who writes a program: with calls in place of the command lines and options in it, as `remedy` of an error
 * has it. For hints that come with no error: of what `doctor` finds, of a Broken instance, of the network's status.
 * What it does not know stays as it is.
 * @example
 * ```ts
 * const { findings } = await store.doctor();
 * for (const { message, hint } of findings) console.log(message, remedyOf(hint));
 * ```
 */
export function remedyOf(hint: string): string {
  return hint.replaceAll(/`([^`]+)`/g, (found, code: string) => {
    const [program, command = '', ...rest] = code.split(' ');
    if (program !== 'multipass') {
      return Object.hasOwn(OPTIONS, code) ? `\`${OPTIONS[code] ?? ''}\`` : found;
    }
    const asCall = Object.hasOwn(CALLS, command) ? CALLS[command] : undefined;
    if (asCall === undefined) return found;
    const inner = rest.indexOf('--');
    const own = inner < 0 ? rest : rest.slice(0, inner);
    const words = [...own.filter((word) => !word.startsWith('-')), ...rest.slice(own.length + 1)];
    return `\`${asCall(words, (option) => own.includes(option))}\``;
  });
}
