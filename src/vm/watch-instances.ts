import { setTimeout as pause } from 'node:timers/promises';
import type { StoreLayout } from '../store/layout.js';
import { instanceEntryNames } from '../store/listing.js';
import { FolderWatch } from '../store/folder-watch.js';
import { listInstances } from './list-instances.js';
import { isLive } from './state.js';
import type { InstanceView } from './views.js';

/** What became of an instance. Each tells what was read after it had happened. */
export type StoreEvent =
  | {
      /** Of the instance. */
      readonly name: string;
      /** It was there when the watch began, or has come since. */
      readonly kind: 'appeared';
      /** As it is now. */
      readonly view: InstanceView;
    }
  | {
      /** Of the instance. */
      readonly name: string;
      /** Something that it tells of itself has changed, such as its state. */
      readonly kind: 'changed';
      /** As it is now. */
      readonly view: InstanceView;
      /** As it was told last. */
      readonly before: InstanceView;
    }
  | {
      /** Of the instance. */
      readonly name: string;
      /** It has another name, and may have changed as well. */
      readonly kind: 'renamed';
      /** As it is now. */
      readonly view: InstanceView;
      /** The name that it had. */
      readonly from: string;
    }
  | {
      /** Of the instance. */
      readonly name: string;
      /** It was purged, or its folder was taken away. */
      readonly kind: 'gone';
      /** As it was told last. */
      readonly before: InstanceView;
    };

/** Several changes of one command come together; nobody wants to be told of each. */
const SETTLE_MS = 50;
/** The end of a QEMU, and what cannot be watched, nobody tells of. */
const LOOK_MS = 1000;

/**
 * Tells what becomes of the instances of a store: first what is there, each as `appeared`, and then every change. The
 * kernel says when there may be something new (inotify), and then all is read again, so that no event tells of a state
 * that was not; of several changes in quick succession the last one is told. While something runs, or cannot be
 * watched, it looks every second besides.
 * @param signal ends the iteration
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function* watchInstances(
  layout: StoreLayout,
  signal?: AbortSignal,
): AsyncGenerator<StoreEvent, void> {
  using watch = new FolderWatch(signal);
  let known = new Map<string, InstanceView>();
  let folders = foldersOf(layout);
  while (signal?.aborted !== true) {
    watch.listen();
    const isNew = watch.follow(folders);
    const views = await listInstances(layout);
    folders = foldersOf(layout);
    // What happened before a folder was watched nobody has heard.
    if (watch.follow(folders) || isNew) continue;
    const seen = new Map(views.map((view) => [keyOf(view), view]));
    yield* differences(known, seen);
    known = seen;
    const isThere = watch.follows(layout.instances) && !watch.isIncomplete;
    const mustLook = !isThere || views.some(({ state }) => isLive(state));
    await watch.heard(mustLook ? LOOK_MS : undefined);
    await pause(SETTLE_MS, undefined, { ...(signal && { signal }) }).catch(() => undefined);
  }
}

/**
 * What commands are at is in `locks/`, and what belongs to a run in a folder of its own. What is no instance yet may
 * become one, file by file.
 */
function foldersOf(layout: StoreLayout): string[] {
  const own = instanceEntryNames(layout).flatMap((name) => {
    const dir = layout.instance(name);
    return [dir.path, dir.run];
  });
  return [layout.instances, layout.locks, ...own];
}

/** The same instance under whatever name; what is Broken has nothing but that. */
function keyOf(view: InstanceView): string {
  return view.state === 'Broken' ? `name ${view.name}` : `uuid ${view.spec.uuid}`;
}

function* differences(
  known: ReadonlyMap<string, InstanceView>,
  seen: ReadonlyMap<string, InstanceView>,
): Generator<StoreEvent> {
  const names = new Set([...seen.values()].map(({ name }) => name));
  for (const [key, before] of known) {
    // What has become Broken, or whole again, is the same by its name.
    if (!seen.has(key) && !names.has(before.name)) {
      yield { kind: 'gone', name: before.name, before };
    }
  }
  const byName = new Map([...known.values()].map((view) => [view.name, view]));
  for (const [key, view] of seen) {
    const { name } = view;
    const before = known.get(key) ?? byName.get(name);
    if (before === undefined) yield { kind: 'appeared', name, view };
    else if (before.name !== name) yield { kind: 'renamed', name, view, from: before.name };
    else if (JSON.stringify(before) !== JSON.stringify(view)) {
      yield { kind: 'changed', name, view, before };
    }
  }
}
