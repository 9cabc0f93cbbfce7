import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceOf } from './alias-instances.js';
import { readAliases } from './alias-file.js';
import type { Alias, AliasRecord } from './alias-record.js';

/** Which alias a text names. */
export interface AliasPlace {
  readonly context: string;
  readonly name: string;
}

/** An alias that can be run: its instance is called so now. */
export type RunnableAlias = Pick<Alias, 'instance' | 'command' | 'workingDirectory'>;

/**
 * The alias that a text names: `<name>` in the active context, else `<context>.<name>`, where both may have dots.
 * @returns undefined when there is none
 */
export function placeOfAlias(
  { active, contexts }: AliasRecord,
  text: string,
): AliasPlace | undefined {
  const has = (context: string, name: string): boolean =>
    Object.hasOwn(contexts, context) && Object.hasOwn(contexts[context] ?? {}, name);
  if (has(active, text)) return { context: active, name: text };
  for (let at = text.indexOf('.'); at >= 0; at = text.indexOf('.', at + 1)) {
    const place = { context: text.slice(0, at), name: text.slice(at + 1) };
    if (has(place.context, place.name)) return place;
  }
  return undefined;
}

/**
 * Looks for the alias that a command line names, and says what its instance is called now.
 * @returns undefined when there is none of that name
 * @throws RecordError; MultipassError INSTANCE_NOT_FOUND when its instance is gone, STORE_TOO_NEW
 */
export async function findAlias(
  layout: StoreLayout,
  text: string,
): Promise<RunnableAlias | undefined> {
  const record = readAliases(layout);
  const place = placeOfAlias(record, text);
  const alias = place && record.contexts[place.context]?.[place.name];
  if (alias === undefined) return undefined;
  return { ...alias, instance: await instanceOf(layout, alias) };
}

/** What the aliases of the active context are called; none where they cannot be read. */
export function namesOfAliases(layout: StoreLayout): string[] {
  try {
    const { active, contexts } = readAliases(layout);
    return Object.keys(contexts[active] ?? {});
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    return [];
  }
}
