import { writeFile } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import type { InterfaceChange } from '../../net/network-config.js';
import type { StagedInstance } from '../../store/staging.js';
import { readSeed, readSeedImage, retargetSeed } from '../seed/seed.js';
import type { InstanceSpec } from '../records/spec.js';
import type { LegacyCard } from './legacy-spec.js';

/** Whose seed comes over. */
export interface BringSeedRequest {
  /** The legacy seed, links resolved; null when there is none. */
  readonly seed: string | null;
  readonly name: string;
  /** The interfaces as they were, and the spec that has what they are now. */
  readonly cards: readonly LegacyCard[];
  readonly spec: InstanceSpec;
  readonly staged: StagedInstance;
}

/**
 * Brings a legacy seed over byte for byte, unless cloud-init must set up an interface whose MAC is another one now.
 * @returns what the user should know of it
 * @throws MultipassError ISO_INVALID, SEED_INVALID when it has to be changed and cannot be
 */
export async function bringSeed(request: BringSeedRequest): Promise<string[]> {
  const { seed, name, cards, spec, staged } = request;
  if (seed === null) return [];
  const changes = cards.map((card, index) => changeOf(card, index, request));
  const isSame = changes.every(
    (change, index) => cards[index]?.mac?.equals(change.new) === true || isManual(change),
  );
  try {
    if (isSame) {
      const image = readSeedImage(seed);
      if (image !== null) await writeFile(staged.seed, image, { mode: 0o600 });
      return [];
    }
    const identity = { instanceId: spec.uuid, hostname: name, interfaces: changes };
    const { image, warnings } = retargetSeed(readSeed(seed), identity, seed);
    await writeFile(staged.seed, image, { mode: 0o600 });
    return ['cloud-init will set it up anew at its next start, for its new MAC', ...warnings];
  } catch (error) {
    throw fromSystemError(error, 'copy the seed', seed);
  }
}

/** An entry of the seed is found by its old MAC: of two interfaces that had the same one, it is the first one's. */
function changeOf(card: LegacyCard, index: number, request: BringSeedRequest): InterfaceChange {
  const { mac: old, auto } = card;
  const made = request.spec.interfaces[index];
  if (made === undefined) throw new Error(`no interface ${index} in the spec`);
  const first = request.cards.find(({ mac }) => old !== null && mac?.equals(old) === true);
  return { old: old !== null && first === card ? old : made.mac, new: made.mac, index, auto };
}

/** The guest's owner configures it, not cloud-init. */
function isManual({ index, auto }: InterfaceChange): boolean {
  return index > 0 && !auto;
}
