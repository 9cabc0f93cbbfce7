import { COMPLETION_SHELLS, type CompletionKind } from './completion-command.js';
import { offerAssignments } from './offer-assignments.js';
import { words, type Candidate, type Offer } from './offer.js';
import * as names from './store-names.js';

/** Where to look for what is offered. */
export interface Source {
  readonly from: names.Stored;
  /** What `help` tells about: commands and topics. */
  readonly helped: readonly Candidate[];
}

/** What there is of a kind. @param typed what is typed of the word */
export async function offerKind(
  kind: CompletionKind,
  typed: string,
  source: Source,
): Promise<Offer> {
  const { from } = source;
  const ofInstances = async (isMeant: names.IsMeant): Promise<Offer> =>
    words(await names.instances(from, isMeant));
  switch (kind) {
    case 'none':
      return words([]);
    case 'instance':
      return await ofInstances(names.IS_USABLE);
    case 'resting-instance':
      return await ofInstances(names.IS_RESTING);
    case 'stopped-instance':
      return await ofInstances(names.IS_STOPPED);
    case 'stopped-or-file':
      return words(await names.instances(from, names.IS_STOPPED), FILES);
    case 'running-instance':
      return await ofInstances(names.IS_RUNNING);
    case 'deleted-instance':
      return await ofInstances(names.IS_DELETED);
    case 'instance-or-snapshot':
      return await orSnapshots(from, typed, () => true);
    case 'living-or-snapshot':
      return await orSnapshots(from, typed, names.IS_LIVING);
    case 'stopped-or-snapshot':
      return await orSnapshots(from, typed, names.IS_STOPPED);
    case 'snapshot':
      return await ofSnapshots(from, typed);
    case 'instance-path':
      return withColons(await names.instances(from, names.IS_USABLE), typed);
    case 'place':
      return { ...withColons(await names.instances(from, names.IS_RUNNING), typed), ...FILES };
    case 'mounted':
      return words(
        (await names.mounts(from)).filter((one) => typed.includes(':') || !one.includes(':')),
      );
    case 'forward':
      return words(await names.forwards(from));
    case 'alias':
      return words(await names.aliases(from));
    case 'alias-context':
      return words(await names.contexts(from));
    case 'command':
      return { candidates: source.helped };
    case 'shell':
      return words(COMPLETION_SHELLS);
    case 'setting':
      return words(await names.settings(from));
    case 'assignment':
      return await offerAssignments(from, typed);
    case 'image':
      return words(await names.images(from));
    case 'unused-image':
      return words(await names.images(from, 'unused'));
    case 'image-or-file':
      return words(await names.images(from), FILES);
    case 'image-action':
      return words(['list', 'import', 'remove']);
    case 'autostart-action':
      return words(['install', 'remove', 'start', 'stop']);
    case 'network-action':
      return words(['run', 'status', 'setup', 'remove']);
    case 'network':
      return words(await names.networks(from));
    case 'folder':
      return words([], { paths: 'folders' });
    case 'file':
      return words([], FILES);
  }
}

const FILES = { paths: 'files' } as const;

/** Behind the colon comes a path in the guest, of which nothing is known. */
function withColons(instances: readonly string[], typed: string): Offer {
  return words(typed.includes(':') ? [] : instances.map((name) => `${name}:`), { goesOn: true });
}

/** An instance's snapshots are offered once its dot is there: many want the instance itself. */
async function orSnapshots(
  from: names.Stored,
  typed: string,
  isMeant: names.IsMeant,
): Promise<Offer> {
  if (!typed.includes('.')) return words(await names.instances(from, isMeant));
  return words(await names.snapshots(from, isMeant));
}

async function ofSnapshots(from: names.Stored, typed: string): Promise<Offer> {
  const snapshots = await names.snapshots(from, names.IS_STOPPED);
  if (typed.includes('.')) return words(snapshots);
  const owners = snapshots.map((one) => one.slice(0, one.indexOf('.') + 1));
  return words([...new Set(owners)], { goesOn: true });
}
