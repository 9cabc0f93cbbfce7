import { nameIn, type Attempt, type Command } from './command.js';
import type { Seen } from './examine.js';

/** What an instance has been, and what its snapshots hold. */
export interface Known extends Seen {
  readonly tags: ReadonlyMap<string, string>;
}

/** A round of commands, and what there was before and after it. */
export interface Round {
  readonly before: ReadonlyMap<string, Known>;
  readonly after: ReadonlyMap<string, Seen>;
  readonly attempts: readonly Attempt[];
}

/** Refusals that commands which meet may give each other. */
const REFUSALS = new Set([
  'INSTANCE_NOT_FOUND',
  'INSTANCE_DELETED',
  'INSTANCE_CHANGED',
  'NAME_TAKEN',
  'NAME_IN_PREPARATION',
  'SNAPSHOT_NOT_FOUND',
  'SNAPSHOT_EXISTS',
]);

/** @returns what cannot be, of what commands reported and what is there now */
export function verify(round: Round): string[] {
  return [
    ...round.attempts.flatMap(unknownError),
    ...[...round.before.values()].flatMap((known) => instanceFaults(round, known)),
    ...cloneFaults(round),
  ];
}

/** What is known of the instances after a round. */
export function learn({ before, after }: Pick<Round, 'before' | 'after'>): Map<string, Known> {
  return new Map(
    [...after].map(([uuid, seen]) => {
      const known = before.get(uuid);
      // One that was taken in this round holds what there was before it: a restore with it is not told apart.
      const tags = seen.snapshots.map((tag): [string, string] => {
        return [tag, known?.tags.get(tag) ?? known?.content ?? seen.content];
      });
      return [uuid, { ...seen, tags: new Map(tags) }];
    }),
  );
}

function unknownError({ command, error, code }: Attempt): string[] {
  if (error === undefined || REFUSALS.has(code ?? '')) return [];
  // Its program alone was killed.
  if (code === 'TOOL_FAILED' && error.message.includes('(SIGKILL)')) return [];
  return [`${describe(command)} failed: ${code ?? ''} ${error.message} ${error.stack ?? ''}`];
}

export function describe(command: Command): string {
  return Object.values(command)
    .map((value) => String(value))
    .join(' ');
}

/** All names that an instance may have had in a round. */
function namesOf({ name }: Seen, attempts: readonly Attempt[]): Set<string> {
  const names = new Set([name]);
  for (let size = 0; size !== names.size;) {
    size = names.size;
    for (const { command } of attempts) {
      if (command.kind === 'rename' && names.has(command.name)) names.add(command.to);
    }
  }
  return names;
}

function instanceFaults(round: Round, known: Known): string[] {
  const now = round.after.get(known.uuid);
  const names = namesOf(known, round.attempts);
  const about = round.attempts.filter(
    ({ command }) =>
      names.has(nameIn(command) ?? '') && !['clone', 'clone-many', 'list'].includes(command.kind),
  );
  const did = (kind: Command['kind']): Attempt[] =>
    about.filter(({ command }) => command.kind === kind);
  const purges = round.attempts.filter(({ command }) => command.kind === 'purge-deleted');
  const fault = (text: string): string[] => [`"${known.name}" (${known.uuid}) ${text}`];
  if (now === undefined) {
    const mayGo =
      did('purge').length > 0 || (purges.length > 0 && (known.deleted || did('delete').length > 0));
    return mayGo ? [] : fault('is gone');
  }
  const faults: string[] = [];
  if (!names.has(now.name)) faults.push(...fault(`is called "${now.name}"`));
  if (now.deleted !== known.deleted && did(now.deleted ? 'delete' : 'recover').length === 0)
    faults.push(...fault(now.deleted ? 'is deleted' : 'is recovered'));
  const restores = did('restore');
  if (now.content !== known.content && restores.length === 0)
    faults.push(...fault(`holds ${now.content}`));
  const gone = [...known.tags.keys()].filter((tag) => !now.snapshots.includes(tag));
  const isNamed = (kind: Command['kind'], tag: string): boolean =>
    did(kind).some(({ command }) => 'tag' in command && command.tag === tag);
  for (const tag of gone)
    if (!isNamed('delete-snapshot', tag)) faults.push(...fault(`has lost the snapshot ${tag}`));
  for (const tag of now.snapshots) {
    if (!known.tags.has(tag) && !isNamed('snapshot', tag) && restores.length === 0)
      faults.push(...fault(`has a snapshot ${tag}`));
  }
  // A linked clone gives its source a base, whatever flatten has done.
  const isShared = round.attempts.some(({ command }) => 'linked' in command && command.linked);
  const [only] = about;
  if (
    only !== undefined &&
    about.length === 1 &&
    purges.length === 0 &&
    !(isShared && only.command.kind === 'flatten')
  )
    faults.push(...effectFaults(only, known, now).flatMap(fault));
  return faults;
}

/** Of the one command that was about an instance: what it reported has come true, what it refused has not happened. */
function effectFaults(
  { command, outcome, isPending, code }: Attempt,
  known: Known,
  now: Seen,
): string[] {
  // What a clone or a rename has made is opened then, and may be somebody else's by that time.
  const isUnknown = outcome === undefined || isPending || code === 'INSTANCE_NOT_FOUND';
  if (isUnknown) return [];
  const isDone = outcome === 'done';
  const expect = (isTrue: boolean, wasTrue: boolean): string[] =>
    isTrue === (isDone || wasTrue) ? [] : [`${command.kind} was ${outcome}, and that is not so`];
  switch (command.kind) {
    case 'delete':
      return expect(now.deleted, known.deleted);
    case 'recover':
      return expect(!now.deleted, !known.deleted);
    case 'purge':
      return isDone ? ['was purged, and is there'] : [];
    case 'rename':
      return command.name === known.name && command.to !== command.name
        ? expect(now.name === command.to, false)
        : [];
    case 'flatten':
      return expect(now.isAlone, known.isAlone);
    case 'snapshot':
      return expect(now.snapshots.includes(command.tag), known.tags.has(command.tag));
    case 'delete-snapshot':
      return expect(!now.snapshots.includes(command.tag), !known.tags.has(command.tag));
    case 'restore':
      return expect(
        now.content === known.tags.get(command.tag),
        known.content === known.tags.get(command.tag),
      );
    default:
      return [];
  }
}

function cloneFaults({ before, after, attempts }: Round): string[] {
  const faults: string[] = [];
  const acknowledged = new Map(
    attempts.flatMap(({ made }) => [...made].map(([name, uuid]) => [uuid, name])),
  );
  const isTouched = (name: string): boolean =>
    attempts.some(
      ({ command }) =>
        command.kind === 'purge-deleted' ||
        ('to' in command &&
          command.kind === 'rename' &&
          [command.name, command.to].includes(name)) ||
        (command.kind === 'purge' && command.name === name),
    );
  for (const [uuid, name] of acknowledged) {
    if (after.get(uuid)?.name !== name && !isTouched(name))
      faults.push(`the clone "${name}" (${uuid}) is not there`);
  }
  const fresh = [...after.values()].filter(({ uuid }) => !before.has(uuid));
  for (const clone of fresh) faults.push(...originFaults(clone, { before, after, attempts }));
  const unknown = fresh.filter(({ uuid }) => !acknowledged.has(uuid));
  const open = attempts.flatMap(({ command, outcome, code }) => {
    const mayHave =
      outcome === undefined || (outcome === 'failed' && code === 'INSTANCE_NOT_FOUND');
    if (!mayHave || (command.kind !== 'clone' && command.kind !== 'clone-many')) return [];
    return [command.kind === 'clone' ? 1 : command.count];
  });
  const isMoving = attempts.some(({ command }) =>
    ['rename', 'purge', 'purge-deleted'].includes(command.kind),
  );
  const sums = open.reduce((all, count) => [...all, ...all.map((sum) => sum + count)], [0]);
  const isPossible = isMoving ? unknown.length <= Math.max(...sums) : sums.includes(unknown.length);
  if (!isPossible) {
    faults.push(
      `${unknown.length} unfinished clones became visible, where ${sums.join(' or ')} could`,
    );
  }
  return faults;
}

/** A clone is of an instance that there was, and holds what that held. */
function originFaults(clone: Seen, { before, after, attempts }: Round): string[] {
  const source = before.get(clone.sourceUuid ?? '');
  const isOfClone = source === undefined && clone.sourceUuid !== null;
  if (isOfClone) {
    // Of one that was itself made in this round.
    const other = after.get(clone.sourceUuid);
    return other === undefined || other.content === clone.content || hasRestore(attempts)
      ? []
      : [`the clone "${clone.name}" holds ${clone.content}, and its source ${other.content}`];
  }
  if (source === undefined) return [`"${clone.name}" (${clone.uuid}) comes from nowhere`];
  const contents = [source.content, ...(hasRestore(attempts) ? source.tags.values() : [])];
  return contents.includes(clone.content)
    ? []
    : [`the clone "${clone.name}" holds ${clone.content}, and its source ${contents.join(' or ')}`];
}

function hasRestore(attempts: readonly Attempt[]): boolean {
  return attempts.some(({ command }) => command.kind === 'restore');
}
