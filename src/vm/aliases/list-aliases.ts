import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { readAliases } from './alias-file.js';
import { namesOfInstances } from './alias-instances.js';
import { NO_ALIASES, type AliasContext } from './alias-record.js';

/** An alias, as it is listed. */
export interface ListedAlias {
  /** What it is called. */
  readonly name: string;
  /** What its instance is called now; what it was called, when there is none any more. */
  readonly instance: string;
  /** What is run in it. */
  readonly command: string;
  /** `map`: it runs where this host's folder is mounted; `default`: in the home folder. */
  readonly workingDirectory: 'map' | 'default';
}

/** The aliases of a context, by name. */
export interface ListedContext {
  /** Of the context. */
  readonly name: string;
  /** By name. */
  readonly aliases: readonly ListedAlias[];
}

/** Every alias there is. */
export interface AliasList {
  /** Name of the context whose aliases are in use. */
  readonly active: string;
  /** By name; the active one is among them even when it has no aliases. */
  readonly contexts: readonly ListedContext[];
}

/**
 * Every alias, with what its instance is called now, or was when there is none any more. Takes no lock, writes nothing.
 * @throws RecordError; MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function listAliases(layout: StoreLayout): Promise<AliasList> {
  if (!checkStoreFormat(layout)) return { active: NO_ALIASES.active, contexts: [] };
  const { active, contexts } = readAliases(layout);
  const nameOf = await namesOfInstances(layout);
  const named = Object.entries<AliasContext>({ [active]: {}, ...contexts });
  return {
    active,
    contexts: named.sort(byKey).map(([name, aliases]) => ({
      name,
      aliases: Object.entries(aliases)
        .sort(byKey)
        .map(([alias, made]) => ({
          name: alias,
          instance: nameOf(made) ?? made.instance,
          command: made.command,
          workingDirectory: made.workingDirectory,
        })),
    })),
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
