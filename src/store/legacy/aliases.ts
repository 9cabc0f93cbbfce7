import { join } from 'node:path';
import type { HostEnvironment } from '../storage-root.js';
import { readLenientDatabase } from './lenient-json.js';
import { LooseValue } from './loose-value.js';

/** An alias of a legacy client. */
export interface LegacyAlias {
  readonly context: string;
  readonly name: string;
  readonly instance: string;
  readonly command: string;
  readonly workingDirectory: 'map' | 'default';
}

/** What a legacy client has on record, and what is wrong with that. */
export interface LegacyAliases {
  readonly aliases: readonly LegacyAlias[];
  readonly problems: readonly string[];
}

/** The context of clients that knew none. */
const ONLY_CONTEXT = 'default';

/**
 * The aliases of this user's legacy client, of the snap or of a package; of one name in one context the first counts.
 * They are the client's, and so in the user's home folder, wherever the instances are.
 * @throws MultipassError LEGACY_INVALID when a file is no regular one; PERMISSION_DENIED, IO_ERROR
 */
export function readLegacyAliases(host: HostEnvironment): LegacyAliases {
  const read = placesOf(host).map(readOne);
  const aliases = new Map<string, LegacyAlias>();
  for (const alias of read.flatMap((one) => one.aliases)) {
    const key = `${alias.context}\0${alias.name}`;
    if (!aliases.has(key)) aliases.set(key, alias);
  }
  return { aliases: [...aliases.values()], problems: read.flatMap(({ problems }) => problems) };
}

function placesOf({ env, home }: HostEnvironment): string[] {
  const xdg = env['XDG_DATA_HOME'];
  const snap = ['current', 'common'].map((part) => join(home, 'snap', 'multipass', part, 'data'));
  const own = xdg?.startsWith('/') === true ? [xdg] : [];
  const folders = [...snap, ...own, join(home, '.local', 'share')];
  return folders.map((folder) => join(folder, 'multipass', 'multipass_aliases.json'));
}

function readOne(path: string): LegacyAliases {
  const { entries, problem } = readLenientDatabase(path);
  const warnings: string[] = [];
  const whole = new LooseValue(Object.fromEntries(entries), warnings);
  const contexts = entries.has('contexts') ? whole.section('contexts') : undefined;
  const aliases =
    contexts === undefined
      ? aliasesOf(whole, ONLY_CONTEXT)
      : keysOf(contexts).flatMap((name) => aliasesOf(contexts.section(name), name));
  const problems = warnings.map((warning) => `"${path}": ${warning}`);
  return { aliases, problems: problem === null ? problems : [problem, ...problems] };
}

function aliasesOf(context: LooseValue, name: string): LegacyAlias[] {
  return keysOf(context).flatMap((alias) => {
    const made = context.section(alias);
    const instance = made.key('instance').string('');
    const command = made.key('command').string('');
    // Clients that knew of no working directory ran an alias in the guest's own.
    const isMapped = made.key('working-directory').string('default') === 'map';
    if (instance === '' || command === '') return [];
    const workingDirectory = isMapped ? 'map' : 'default';
    return [{ context: name, name: alias, instance, command, workingDirectory }];
  });
}

function keysOf(object: LooseValue): string[] {
  return object.isObject() ? Object.keys(object.value as object) : [];
}
