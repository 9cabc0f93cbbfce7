import { MultipassError } from '../../errors.js';
import type { MemorySize } from '../../memory-size.js';
import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import type { ForwardChoice } from '../forwards/forward-text.js';
import { requireDestinationName } from '../names.js';

/** What a clone has otherwise than its source. */
export interface CloneOverrides {
  /** At least 1. */
  readonly cpus?: number | undefined;
  /** At least 128 MiB. */
  readonly memory?: MemorySize | undefined;
  /** At least what the source has. The guest's file system grows at its first boot. */
  readonly disk?: MemorySize | undefined;
  /** True: none of the source's mounts. */
  readonly noMounts?: boolean | undefined;
  /** True: where the network-config of its seed sets addresses, it asks for some by DHCP. */
  readonly resetStaticAddresses?: boolean | undefined;
}

/** How a clone is made. */
export interface CloneChoices {
  /** Name of the snapshot to clone; without one, the active state. */
  readonly snapshot?: string | undefined;
  /** True: the disk is not copied; source and clone stand on what both had until now. */
  readonly linked?: boolean | undefined;
  /** True: of a suspended source the disk is cloned, as after a power cut, and its memory is left behind. */
  readonly cold?: boolean | undefined;
  /**
   * True: a running source is cloned as its disk is at one moment, and goes on running; its memory is left behind. One
   * that does not run is cloned as ever.
   */
  readonly live?: boolean | undefined;
  /**
   * True: the clone begins with the memory of a running or suspended source, or of a snapshot that was taken with it;
   * the disk is shared (`linked`). At its first start it goes on from there, and gets an identity of its own before
   * anybody meets it. What it has in common with its source for ever is said in docs/security.md.
   */
  readonly warm?: boolean | undefined;
  /** With `warm` and true: cloud-init does all of a first boot besides. Default: nothing of the user's runs again. */
  readonly full?: boolean | undefined;
  /** What the clone has otherwise than its source. */
  readonly overrides?: CloneOverrides | undefined;
  /**
   * Ports of the host that lead into it; as a text `[ADDRESS:]HOST:GUEST[/udp]`, in which, with a `count`, `{n}` is the
   * number of each, and `8080+{n}` a sum. The source's own stay the source's.
   */
  readonly forwards?: readonly (string | ForwardChoice)[] | undefined;
}

/** What to clone, how, and how often. */
export interface CloneRequest extends WorkRequest, CloneChoices {
  readonly layout: StoreLayout;
  /** Name of the source. */
  readonly source: string;
  /** The clone's name; with a `count` of several, `{n}` in it stands for 1 to `count`. Without: `<source>-cloneN`. */
  readonly name?: string | undefined;
  /** True: nothing is written; the report tells what would be. */
  readonly dryRun?: boolean | undefined;
  /** How many: all of them or none. Default 1. */
  readonly count?: number | undefined;
  /** Called with the uuids of the clones when all of them are made, and nobody sees them yet; a failure undoes all. */
  readonly beforePublish?: ((uuids: readonly string[]) => Promise<void>) | undefined;
}

/**
 * Makes sure that what is asked for goes together.
 * @throws MultipassError INVALID_ARGUMENT
 */
export function requirePossible(request: CloneRequest): void {
  const { live, warm, snapshot } = request;
  if (warm === true) requireWarmPossible(request);
  if (request.full === true && warm !== true) {
    throw refused('only what is cloned with its memory can be renewed in full', 'Add --warm.');
  }
  if (live !== true || snapshot === undefined) return;
  throw new MultipassError('INVALID_ARGUMENT', 'a snapshot cannot be cloned live', {
    hint: 'It is what it is, whether its instance runs or not: leave out one of the two.',
  });
}

/** Whether nothing is copied: memory goes with the disk of the same moment, which is shared for that. */
export function isLinked({
  linked = false,
  warm = false,
}: Pick<CloneChoices, 'linked' | 'warm'>): boolean {
  return linked || warm;
}

/** A guest does not notice that it has other processors, memory or disks by now. */
function requireWarmPossible({ cold, full, overrides = {} }: CloneRequest): void {
  if (cold === true) throw refused('a clone cannot be warm and cold', 'Leave out one of the two.');
  const { cpus, memory, disk, resetStaticAddresses } = overrides;
  if ([cpus, memory, disk].some((given) => given !== undefined)) {
    throw refused(
      'a clone that goes on from a memory has the CPUs, the memory and the disk of its source',
      'Leave those options out, or clone without --warm.',
    );
  }
  if (resetStaticAddresses === true && full !== true) {
    throw refused(
      'the addresses in the network-config are set at a first boot only',
      'Add --full, or clone without --warm.',
    );
  }
}

function refused(message: string, hint: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', message, { hint });
}

/** What a name has in the place of the number. */
const NUMBER = '{n}';
/** More than anybody's machine runs; each takes a folder, and a name is at most 63 characters. */
const MOST_CLONES = 10_000;

/**
 * The names that clones are asked to have; undefined for each without one.
 * @throws MultipassError INVALID_ARGUMENT for a bad count, or a name without `{n}` for several; INVALID_NAME
 */
export function wantedNames({ name, count }: CloneRequest): (string | undefined)[] {
  const copies = count ?? 1;
  if (!Number.isSafeInteger(copies) || copies < 1 || copies > MOST_CLONES) {
    throw new MultipassError('INVALID_ARGUMENT', `invalid number of clones: ${copies}`, {
      hint: `Ask for 1 to ${MOST_CLONES}.`,
    });
  }
  if (name !== undefined && copies > 1 && !name.includes(NUMBER)) {
    throw new MultipassError('INVALID_ARGUMENT', `the name "${name}" has no {n} in it`, {
      hint: "Put {n} where each clone has its number, as in `--name 'node-{n}'`.",
    });
  }
  const names = Array.from({ length: copies }, (_, index) =>
    count === undefined ? name : name?.replaceAll(NUMBER, String(index + 1)),
  );
  for (const wanted of names) if (wanted !== undefined) requireDestinationName(wanted);
  return names;
}
