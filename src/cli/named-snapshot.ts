import { existsSync } from 'node:fs';
import { isPlainName, type StoreLayout } from '../store/layout.js';
import { instanceNotFound } from '../vm/errors.js';
import { isValidName } from '../vm/names.js';

/** What an argument names: an instance, or one of its snapshots. */
export interface NamedSnapshot {
  readonly instance: string;
  /** Undefined when the instance itself is meant. */
  readonly snapshot: string | undefined;
}

/**
 * Whether an argument names a snapshot, which need not be there: `<instance>.<anything>`. A folder of that very name,
 * which no instance can have, is meant itself: it is there to be purged.
 */
export function isNamedSnapshot(argument: string, layout: StoreLayout): boolean {
  const [instance = '', ...rest] = argument.split('.');
  if (!isValidName(instance) || rest.length === 0) return false;
  return !isPlainName(argument) || !existsSync(layout.instance(argument).path);
}

/**
 * Reads `<instance>` or `<instance>.<snapshot>`; whether there is such a snapshot is another matter.
 * @throws MultipassError INSTANCE_NOT_FOUND for what no instance can be called
 */
export function parseNamedSnapshot(argument: string): NamedSnapshot {
  const [instance = '', ...rest] = argument.split('.');
  if (!isValidName(instance)) throw instanceNotFound(argument);
  return { instance, snapshot: rest.length === 0 ? undefined : rest.join('.') };
}
