import { expect, it } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { HELP, VERBOSE } from '../../src/cli/options.js';
import { codeSpans, readDocument, section, tableRows } from './documents.js';

/** What Multipass 1.16 has: each command by all its names, and its options. */
const MULTIPASS: Readonly<Record<string, string>> = {
  alias: '-n --no-map-working-directory',
  aliases: '--format',
  'authenticate auth': '',
  clone: '-n --name',
  delete: '--all -p --purge',
  exec: '-d --working-directory -n --no-map-working-directory',
  find: '--show-unsupported --force-update --only-images --only-blueprints --format',
  get: '--raw --keys',
  help: '',
  info: '--all --snapshots --format --no-runtime-information',
  launch:
    '-c --cpus -d --disk -m --memory --mem -n --name --cloud-init --network --bridged --mount --timeout',
  'list ls': '--snapshots --format --no-ipv4',
  mount: '-t --type -u --uid-map -g --gid-map',
  networks: '--format',
  prefer: '',
  purge: '',
  recover: '--all',
  restart: '--all --timeout',
  restore: '-d --destructive',
  set: '',
  'shell sh connect': '--timeout',
  snapshot: '-n --name -m -c --comment',
  start: '--all --timeout',
  stop: '--all -t --time -c --cancel --force',
  suspend: '--all',
  'transfer copy-files': '-r --recursive -p --parents',
  'umount unmount': '',
  unalias: '--all',
  version: '--format',
};

interface Row {
  readonly commands: readonly string[];
  readonly options: readonly string[];
  readonly how: string;
  readonly why: string;
}

const ROWS: readonly Row[] = tableRows(
  section(readDocument('docs/differences.md'), 'Every command and option'),
).map(([commands = '', options = '', how = '', why = '']) => ({
  commands: codeSpans(commands),
  options: codeSpans(options),
  how,
  why,
}));

/** The row of a command, or of an option of it: its own, or that of every command. */
function rowOf(command: string, option?: string): Row | undefined {
  const own = ROWS.filter(({ commands }) => commands.includes(command));
  if (option === undefined) return own[0];
  const all = ROWS.filter(({ commands }) => commands.length === 0);
  return [...own, ...all].find(({ options }) => options.includes(option));
}

const COMMANDS = allCommands(() => undefined).filter(({ hidden }) => hidden !== true);

it.each(COMMANDS)('tells of $name and its options', ({ name, aliases, options }) => {
  for (const word of [name, ...aliases]) expect(rowOf(word), word).toBeDefined();
  for (const { flags, hiddenFlags = [] } of [...options, HELP, VERBOSE]) {
    for (const flag of [...flags, ...hiddenFlags]) {
      expect(rowOf(name, flag), `${name} ${flag}`).toBeDefined();
    }
  }
});

it.each(Object.entries(MULTIPASS))('has, and tells of, all of 1.16: %s', (names, options) => {
  const words = names.split(' ');
  const [name = ''] = words;
  const command = COMMANDS.find((one) => one.name === name);
  for (const word of words) {
    expect([command?.name, ...(command?.aliases ?? [])]).toContain(word);
    expect(rowOf(word)?.how, word).not.toBe('ours');
  }
  const flags = command?.options.flatMap((one) => [...one.flags, ...(one.hiddenFlags ?? [])]);
  for (const flag of options.split(' ').filter((one) => one !== '')) {
    expect(flags, name).toContain(flag);
    expect(rowOf(name, flag)?.how, `${name} ${flag}`).toMatch(/^(?:same|more|differs)$/);
  }
});

it('says why, where something differs', () => {
  for (const { commands, options, how, why } of ROWS) {
    expect(['same', 'more', 'differs', 'ours']).toContain(how);
    if (how === 'differs' || how === 'more')
      expect(why, [...commands, ...options].join(' ')).not.toBe('');
  }
});

it('names nothing that there is not', () => {
  const words = COMMANDS.flatMap(({ name, aliases }) => [name, ...aliases]);
  for (const { commands, options } of ROWS) {
    const meant = COMMANDS.filter(({ name }) => commands.length === 0 || commands.includes(name));
    const flags = meant.flatMap((one) =>
      [...one.options, HELP, VERBOSE].flatMap((option) => [
        ...option.flags,
        ...(option.hiddenFlags ?? []),
      ]),
    );
    for (const command of commands) expect(words).toContain(command);
    for (const option of options) {
      if (!['-V', '--version'].includes(option)) expect(flags, commands.join()).toContain(option);
    }
  }
});
