import type { CloneReport } from '../../src/vm/clone/report.js';
import type { Random } from './random.js';
import { ROOT } from './fixture.js';
import type { Product } from './world/product.js';

/** What a virtual command does. */
export type Command =
  | {
      readonly kind: 'clone';
      readonly name: string;
      readonly to: string | undefined;
      readonly linked: boolean;
    }
  | {
      readonly kind: 'clone-many';
      readonly name: string;
      readonly count: number;
      readonly linked: boolean;
    }
  | { readonly kind: 'rename'; readonly name: string; readonly to: string }
  | {
      readonly kind: 'snapshot' | 'restore' | 'delete-snapshot';
      readonly name: string;
      readonly tag: string;
    }
  | { readonly kind: 'delete' | 'recover' | 'purge' | 'flatten'; readonly name: string }
  | { readonly kind: 'purge-deleted' | 'list' };

/** What became of it. */
export interface Attempt {
  readonly command: Command;
  /** undefined: it never ended, for its process was killed. */
  outcome: 'done' | 'failed' | undefined;
  /** Code of the error that it failed with. */
  code: string | undefined;
  /** Whether the error says that the operation goes on. */
  isPending: boolean;
  error: Error | undefined;
  /** Of clones that were made: uuids by their names. */
  made: ReadonlyMap<string, string>;
}

const SOURCES = ['web', 'db', 'web', 'db', 'a', 'b', 'c', 'web-clone1', 'db-clone1'];
const TARGETS = ['a', 'b', 'c'];
const TAGS = ['first', 'second', 'third'];

/** Any command about any of a few instances, so that they meet. */
export function anyCommand(random: Random): Command {
  const name = random.pick(SOURCES);
  const linked = random.oneIn(2);
  switch (random.below(15)) {
    case 0:
    case 1:
    case 2:
      return {
        kind: 'clone',
        name,
        to: random.oneIn(3) ? undefined : random.pick(TARGETS),
        linked,
      };
    case 3:
    case 4:
      return { kind: 'clone-many', name, count: 2 + random.below(2), linked };
    case 5:
      return { kind: 'rename', name, to: random.pick([...TARGETS, 'web']) };
    case 6:
    case 7:
      return { kind: 'snapshot', name, tag: random.pick(TAGS) };
    case 8:
      return { kind: 'restore', name, tag: random.pick(TAGS) };
    case 9:
      return { kind: 'delete-snapshot', name, tag: random.pick(TAGS) };
    case 10:
      return { kind: 'delete', name };
    case 11:
      return random.oneIn(3) ? { kind: 'list' } : { kind: 'recover', name };
    case 12:
      return { kind: 'purge', name };
    case 13:
      return { kind: 'flatten', name };
    default:
      return { kind: 'purge-deleted' };
  }
}

/** Carries one out, as a user of the library does. @returns uuids by name of what it has made */
export async function carryOut(
  product: Pick<Product, 'openStore'>,
  command: Command,
  root: string = ROOT,
): Promise<ReadonlyMap<string, string>> {
  const store = product.openStore(root);
  if (!('name' in command)) {
    if (command.kind === 'list') await store.list();
    else await store.purge();
    return new Map();
  }
  const vm = await store.get(command.name);
  const made = new Map<string, string>();
  const onReport = ({ clones }: CloneReport): void => {
    for (const { name, identity } of clones) made.set(name, identity.uuid.new ?? '');
  };
  switch (command.kind) {
    case 'clone':
      await vm.clone(command.to, { linked: command.linked, onReport });
      return made;
    case 'clone-many':
      await vm.cloneMany(command.count, undefined, { linked: command.linked, onReport });
      return made;
    case 'rename':
      await vm.rename(command.to);
      return made;
    case 'snapshot':
      await vm.snapshot({ name: command.tag });
      return made;
    case 'restore':
      await vm.restore(command.tag);
      return made;
    case 'delete-snapshot':
      await vm.deleteSnapshot(command.tag);
      return new Map();
    default:
      await vm[command.kind]();
      return made;
  }
}

/** The instance that a command names. */
export function nameIn(command: Command): string | undefined {
  return 'name' in command ? command.name : undefined;
}
