import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { layersBelow } from '../disks/long-chain.js';
import { listImages } from '../images/vault.js';
import type { ReadableInstanceView } from '../views.js';
import { listInstances } from '../list-instances.js';
import { snapshotsOf } from '../snapshots/list-snapshots.js';
import { snapshotTag } from '../records/snapshot-record.js';
import { diskUsage } from './disk-usage.js';

/** Something of a store, and what came from it. */
export interface TreeNode {
  /** What it is. */
  readonly kind: 'image' | 'instance' | 'snapshot';
  /** The image's id, the instance's uuid, or the snapshot's tag. */
  readonly id: string;
  /** Of the instance or the snapshot; an image has its title. */
  readonly name: string;
  /** Bytes that would be free without it. */
  readonly exclusiveBytes: number;
  /** Bytes of files that others hold as well. */
  readonly sharedBytes: number;
  /** How many bases an instance's disk stands on; 0 for anything else. */
  readonly layers: number;
  /** What came from it: clones, snapshots, instances. */
  readonly children: readonly TreeNode[];
}

/**
 * Where everything of a store came from: images, below them the instances made from them, below those their snapshots
 * and their clones. An instance whose origin is gone, or that has none, is a root; a Broken one is left out. Takes no
 * lock and writes nothing.
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function lineageTree(layout: StoreLayout): Promise<TreeNode[]> {
  const views = (await listInstances(layout)).flatMap((view) =>
    view.state === 'Broken' ? [] : [view],
  );
  const images = await listImages(layout);
  const forest = new Forest(layout, views);
  const imageNodes = images.map(({ id, record }) => imageNode(layout, forest, { id, record }));
  const ofImages = new Set(images.map(({ id }) => id));
  const orphans = views.filter((view) => {
    return forest.parentOf(view) === undefined && !ofImages.has(view.image.id);
  });
  return [...imageNodes, ...orphans.map((view) => forest.node(view))];
}

function imageNode(
  layout: StoreLayout,
  forest: Forest,
  {
    id,
    record,
  }: { id: string; record: { release: string; os: string; query: { release: string } } },
): TreeNode {
  const { exclusive, shared } = diskUsage(layout.image(id).path);
  const title = [record.os, record.release].filter((word) => word !== '').join(' ');
  return {
    kind: 'image',
    id,
    name: title === '' ? record.query.release : title,
    exclusiveBytes: exclusive,
    sharedBytes: shared,
    layers: 0,
    children: forest.launchedFrom(id).map((view) => forest.node(view)),
  };
}

/** The instances of a store, by where they came from. */
class Forest {
  readonly #layout: StoreLayout;
  readonly #views: readonly ReadableInstanceView[];
  readonly #parents = new Map<ReadableInstanceView, ReadableInstanceView>();
  readonly #clones = new Map<ReadableInstanceView, ReadableInstanceView[]>();

  constructor(layout: StoreLayout, views: readonly ReadableInstanceView[]) {
    this.#layout = layout;
    this.#views = views;
    const byUuid = new Map(views.map((view) => [view.spec.uuid, view]));
    for (const view of views) {
      const parent = byUuid.get(view.image.lineage?.sourceUuid ?? '');
      if (parent !== undefined && !isAncestor(byUuid, view, parent)) this.#add(parent, view);
    }
  }

  /** The instance that this one was cloned from; undefined when it is gone, or would be its own ancestor. */
  parentOf(view: ReadableInstanceView): ReadableInstanceView | undefined {
    return this.#parents.get(view);
  }

  launchedFrom(imageId: string): ReadableInstanceView[] {
    return this.#views.filter(
      (view) => view.image.id === imageId && this.parentOf(view) === undefined,
    );
  }

  node(view: ReadableInstanceView): TreeNode {
    const dir = this.#layout.instance(view.name);
    const { exclusive, shared } = diskUsage(dir.path);
    const clones = this.#clones.get(view) ?? [];
    const snapshots = namesAndTags(this.#layout, view.name).map(({ name, tag }): TreeNode => ({
      kind: 'snapshot',
      id: tag,
      name,
      // Its clusters are in the instance's own disk.
      exclusiveBytes: 0,
      sharedBytes: 0,
      layers: 0,
      children: clones.filter((other) => isOf(other, name)).map((other) => this.node(other)),
    }));
    const known = new Set(snapshots.map(({ name }) => name));
    const others = clones.filter((clone) => !known.has(clone.image.lineage?.snapshot ?? ''));
    return {
      kind: 'instance',
      id: view.spec.uuid,
      name: view.name,
      exclusiveBytes: exclusive,
      sharedBytes: shared,
      layers: layersBelow(dir),
      children: [...snapshots, ...others.map((clone) => this.node(clone))],
    };
  }

  #add(parent: ReadableInstanceView, clone: ReadableInstanceView): void {
    this.#parents.set(clone, parent);
    const clones = this.#clones.get(parent);
    if (clones === undefined) this.#clones.set(parent, [clone]);
    else clones.push(clone);
  }
}

/** Whether `view` is found on the way up from `from`; records that were edited by hand may lead in a circle. */
function isAncestor(
  byUuid: ReadonlyMap<string, ReadableInstanceView>,
  view: ReadableInstanceView,
  from: ReadableInstanceView,
): boolean {
  const seen = new Set<ReadableInstanceView>();
  let at: ReadableInstanceView | undefined = from;
  while (at !== undefined && !seen.has(at)) {
    if (at === view) return true;
    seen.add(at);
    at = byUuid.get(at.image.lineage?.sourceUuid ?? '');
  }
  return false;
}

/** Snapshots that cannot be told are left out, as a Broken instance is: they hide nobody else. */
function namesAndTags(layout: StoreLayout, name: string): { name: string; tag: string }[] {
  try {
    return snapshotsOf(layout, name).map(({ record }) => ({
      name: record.name,
      tag: snapshotTag(record.index),
    }));
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('warning', 'tree', `the snapshots of "${name}" are left out: ${error.message}`);
    return [];
  }
}

function isOf(clone: ReadableInstanceView, snapshot: string): boolean {
  return clone.image.lineage?.snapshot === snapshot;
}
