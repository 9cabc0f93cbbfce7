import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { exists, readInstance } from '../read-instance.js';

/**
 * Looks, before the first of several instances is started, whether each is there: as in Multipass, none is started
 * otherwise. What else may be wrong with one, its own start tells.
 * @throws MultipassError INSTANCE_NOT_FOUND, or INSTANCE_DELETED when all of them are that, with Multipass's texts:
 *   `details.lines` has one for each
 */
export function requireStartable(layout: StoreLayout, names: readonly string[]): void {
  const missing = names.filter((name) => !exists(layout, name));
  const deleted = names.filter((name) => !missing.includes(name) && isDeleted(layout, name));
  const wrong = names.filter((name) => missing.includes(name) || deleted.includes(name));
  const [name] = wrong;
  if (name === undefined) return;
  const lines = wrong.map((one) => (missing.includes(one) ? isMissing(one) : hasGone(one)));
  const code = missing.length === 0 ? 'INSTANCE_DELETED' : 'INSTANCE_NOT_FOUND';
  throw new MultipassError(code, 'instance(s) missing', {
    hint:
      missing.length === 0
        ? `Bring it back with \`multipass recover ${deleted.join(' ')}\`.`
        : 'See `multipass list` for the instances there are.',
    details: wrong.length === 1 ? { name, lines } : { names: wrong, lines },
  });
}

function isDeleted(layout: StoreLayout, name: string): boolean {
  try {
    return readInstance(layout, name).spec.deleted;
  } catch (error) {
    if (error instanceof MultipassError) return false;
    throw error;
  }
}

function isMissing(name: string): string {
  return `Instance '${name}' does not exist.`;
}

/** Multipass's text for a deleted instance that is to be started. */
export function hasGone(name: string): string {
  return `Instance '${name}' is deleted. Use 'recover' to recover it or 'purge' to permanently delete it.`;
}
