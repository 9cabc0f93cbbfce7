import { MultipassError } from '../../errors.js';
import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';

/** The format of `aliases.json` that this version reads and writes. */
const ALIASES_FORMAT = 1;

/** The context that is active where nobody has preferred another one. */
const DEFAULT_CONTEXT = 'default';

/** A command of an instance, under a name of its own. */
export interface Alias extends WithUnknownKeys {
  /** What the instance was called when this was written; it may have another name since. */
  readonly instance: string;
  /** Which instance it is, whatever it is called. */
  readonly uuid: string;
  /** One word: a program in the guest. */
  readonly command: string;
  /** `map`: where the host's working directory is in the guest, when a mount holds it; `default`: the guest's home. */
  readonly workingDirectory: 'map' | 'default';
}

/** Aliases by their names. */
export type AliasContext = Readonly<Record<string, Alias>>;

/** What `aliases.json` holds. */
export interface AliasRecord extends WithUnknownKeys {
  readonly format: number;
  /** The context whose aliases need not be named with it. It may have none. */
  readonly active: string;
  readonly contexts: Readonly<Record<string, AliasContext>>;
}

/** What there is while there is no file. */
export const NO_ALIASES: AliasRecord = {
  format: ALIASES_FORMAT,
  active: DEFAULT_CONTEXT,
  contexts: {},
};

/**
 * Decodes `aliases.json` strictly.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it; MultipassError STORE_TOO_NEW
 */
export function decodeAliases(place: JsonPlace): AliasRecord {
  const format = place.key('format').integer(1);
  if (format > ALIASES_FORMAT) {
    throw new MultipassError(
      'STORE_TOO_NEW',
      `"${place.path}" has format ${format}, this version knows ${ALIASES_FORMAT}`,
      { hint: 'Use the newer version that wrote it.', details: { path: place.path, format } },
    );
  }
  return {
    format,
    active: place.key('active').string(),
    contexts: eachKey(place.key('contexts'), (context) => eachKey(context, decodeAlias)),
    ...place.unknownKeys(['format', 'active', 'contexts']),
  };
}

/** The record with other aliases in one context. One without aliases is none: the active one is on record as that. */
export function withContext(record: AliasRecord, name: string, context: AliasContext): AliasRecord {
  const others = withoutKey(record.contexts, name);
  const isEmpty = Object.keys(context).length === 0;
  return { ...record, contexts: isEmpty ? others : { ...others, [name]: context } };
}

/** The same object without one of its keys. */
export function withoutKey<Value>(
  object: Readonly<Record<string, Value>>,
  key: string,
): Readonly<Record<string, Value>> {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function decodeAlias(place: JsonPlace): Alias {
  return {
    instance: place.key('instance').string(),
    uuid: place.key('uuid').string(),
    command: place.key('command').string(),
    workingDirectory: place.key('workingDirectory').oneOf(['map', 'default']),
    ...place.unknownKeys(['instance', 'uuid', 'command', 'workingDirectory']),
  };
}

function eachKey<Value>(place: JsonPlace, decode: (item: JsonPlace) => Value) {
  const names = Object.keys(place.object());
  return Object.fromEntries(names.map((name) => [name, decode(place.key(name))]));
}
