import { MultipassError } from '../errors.js';
import { checkStoreFormat } from '../store/format.js';
import type { StoreLayout } from '../store/layout.js';
import { ANY_STATE, lookAt } from './open.js';
import { prepareStore } from './sweep.js';
import { Work, type WorkRequest } from '../work.js';
import { changeAliases } from './aliases/alias-file.js';
import { isAliasName } from './aliases/alias-name.js';
import { withContext, withoutKey, type Alias, type AliasRecord } from './aliases/alias-record.js';
import { placeOfAlias } from './aliases/find-alias.js';

/** An alias that is made. */
export interface AliasDefinition extends WorkRequest {
  /** What it is called: it becomes a file for PATH. */
  readonly name: string;
  /** Name of the instance that it is run in. */
  readonly instance: string;
  /** What is run in the instance. */
  readonly command: string;
  /** `map`, by default: it runs where this host's folder is mounted; `default`: in the home folder. */
  readonly workingDirectory?: 'map' | 'default' | undefined;
}

/** Which alias is made in which store. */
export interface DefineAliasRequest extends AliasDefinition {
  readonly layout: StoreLayout;
}

/**
 * Makes an alias in the active context, atomically and durably.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, and what makes an instance Broken; USAGE, with
 *   Multipass's text, when the context has an alias of that name; ABORTED, …
 */
export async function defineAlias(request: DefineAliasRequest): Promise<void> {
  const { layout, name, instance, command, workingDirectory = 'map' } = request;
  requireAliasName(name);
  const { spec } = lookAt(layout, instance, { for: 'alias', states: ANY_STATE, disk: 'any' });
  await prepareStore(layout, { exists: true });
  const { signal } = Work.of(request.work);
  await changeAliases(layout, signal, (record) => {
    const context = record.contexts[record.active] ?? {};
    if (Object.hasOwn(context, name)) {
      throw new MultipassError('USAGE', `Alias '${name}' already exists in current context`, {
        hint: `Remove it first (\`multipass unalias ${name}\`), or give this one another name.`,
      });
    }
    const alias: Alias = { instance, uuid: spec.uuid, command, workingDirectory };
    return withContext(record, record.active, { ...context, [name]: alias });
  });
}

/**
 * Removes aliases, all or none, atomically and durably.
 * @param names each as a command line has it; undefined: those of the active context
 * @returns the names of those that were removed
 * @throws MultipassError USAGE that names those that there are not; ABORTED, …
 */
export async function removeAliases(
  layout: StoreLayout,
  names: readonly string[] | undefined,
  request: WorkRequest = {},
): Promise<readonly string[]> {
  const wanted = names ?? [];
  if (!checkStoreFormat(layout)) {
    requireNone(wanted);
    return [];
  }
  await prepareStore(layout, { exists: true });
  let removed = wanted;
  await changeAliases(layout, Work.of(request.work).signal, (record) => {
    if (names === undefined) {
      removed = Object.keys(record.contexts[record.active] ?? {});
      return withContext(record, record.active, {});
    }
    const found = names.map((name) => placeOfAlias(record, name));
    requireNone(names.filter((_, at) => found[at] === undefined));
    return found.reduce((changed: AliasRecord, place) => {
      if (place === undefined) return changed;
      const aliases = changed.contexts[place.context] ?? {};
      return withContext(changed, place.context, withoutKey(aliases, place.name));
    }, record);
  });
  return removed;
}

/**
 * Makes a context the active one, which need not have aliases; the store is made at first use.
 * @throws MultipassError ABORTED, STORE_TOO_NEW, …
 */
export async function preferContext(
  layout: StoreLayout,
  context: string,
  request: WorkRequest = {},
): Promise<void> {
  requireAliasName(context);
  await prepareStore(layout);
  await changeAliases(layout, Work.of(request.work).signal, (record) =>
    record.active === context ? record : { ...record, active: context },
  );
}

function requireAliasName(name: string): void {
  if (isAliasName(name)) return;
  throw new MultipassError('INVALID_ARGUMENT', `"${name}" is no name for an alias or a context`, {
    hint: 'Choose one without slashes and blanks, which begins with neither a hyphen nor a dot.',
    details: { name },
  });
}

function requireNone(missing: readonly string[]): void {
  if (missing.length === 0) return;
  const what = missing.length === 1 ? 'alias' : 'aliases';
  throw new MultipassError('USAGE', `Nonexistent ${what}: ${missing.join(', ')}.`, {
    hint: 'See `multipass aliases` for those there are.',
  });
}
