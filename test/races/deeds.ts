import { join } from 'node:path';
import { anyCommand, type Command } from '../simulation/command.js';
import type { Random } from '../simulation/random.js';
import type { Order } from './order.js';

/** Where a deed is done. */
export interface Place {
  readonly root: string;
  /** Beside the store, for archives. */
  readonly folder: string;
  /** An archive that is there from the beginning. */
  readonly archive: string;
  /** The data of an old Multipass. */
  readonly legacy: string;
}

/** The instance of that data which is brought over. */
export const OLD = 'old';

/** What is made of an archive begins with that. */
export const IMPORTED = 'import-';

type OtherKind = keyof typeof WORDS;

/** What is done by the library, and held against what it reports (`test/simulation/verify.ts`). */
const KINDS: readonly Command['kind'][] = [
  ...(['clone', 'clone-many', 'rename', 'snapshot', 'restore', 'delete-snapshot'] as const),
  ...(['delete', 'recover', 'purge', 'flatten', 'purge-deleted', 'list'] as const),
];

/** What is done by words of the command. */
const WORDS = {
  set: (name: string) => ['set', `local.${name}.cpus=2`],
  alias: (name: string, { id }: Details) => ['alias', `${name}:ls`, `alias-${id % 3}`],
  unalias: (_: string, { id }: Details) => ['unalias', `alias-${id % 3}`],
  forward: (name: string, { id }: Details) => ['forward', name, `${20_000 + (id % 3)}:80`],
  unforward: (name: string, { id }: Details) => [
    'forward',
    name,
    '--remove',
    `${20_000 + (id % 3)}:80`,
  ],
  export: (name: string, { place, id }: Details) => ['export', name, exportedFile(place, id)],
  import: (_: string, { place, id }: Details) => [
    ...['import', place.archive, '--name', `${IMPORTED}${id}`],
  ],
  migrate: (_: string, { place }: Details) => ['migrate', '--from', place.legacy, OLD],
  info: (name: string) => ['info', name, '--format', 'json'],
  doctor: () => ['doctor', '--format', 'json'],
  mend: () => ['doctor', '--fix', '--format', 'json'],
} as const satisfies Record<string, (name: string, details: Details) => readonly string[]>;

interface Details {
  readonly place: Place;
  /** A number that no other deed has. */
  readonly id: number;
}

/** A kind of deed. */
export type Kind = Command['kind'] | OtherKind;

/** All of them. */
export const ALL_KINDS: readonly Kind[] = [...KINDS, ...(Object.keys(WORDS) as OtherKind[])];

/** All pairs of kinds, those of one with itself too. */
export const PAIRS: readonly (readonly [Kind, Kind])[] = ALL_KINDS.flatMap((first, at) =>
  ALL_KINDS.slice(at).map((second) => [first, second] as const),
);

/** Where an export goes. */
export function exportedFile({ folder }: Place, id: number): string {
  return join(folder, `export-${id}.tar`);
}

/** A deed of a kind, about an instance where it is about one. */
export function deedOf(
  kind: Kind,
  about: Details & { readonly name: string; readonly random: Random },
): Order['deed'] {
  const { name, random } = about;
  if (Object.hasOwn(WORDS, kind)) return { words: WORDS[kind as OtherKind](name, about) };
  for (;;) {
    const command = anyCommand(random);
    if (command.kind !== kind) continue;
    return { command: 'name' in command ? { ...command, name } : command };
  }
}
