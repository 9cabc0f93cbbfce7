import { lstatSync } from 'node:fs';
import type { InstanceDir } from '../../store/instance-dir.js';
import { holderPurposes } from '../../store/lock-holders.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { readInstances } from '../list-instances.js';
import { rowsOfFolder } from '../macs.js';
import type { InstanceReading } from '../read-instance.js';
import type { InstanceView } from '../views.js';
import { diagnosisOf, type Diagnosis, type FindingKind, type Sign } from './finding.js';

/** An instance as it is examined: read once, for all checks. */
export interface ExaminedInstance {
  readonly name: string;
  readonly dir: InstanceDir;
  readonly view: InstanceView;
  /** Undefined when it cannot be read. */
  readonly reading: InstanceReading | undefined;
  /** Who it is, and the rows of MAC addresses and of ports that it has, as far as that can be read. */
  readonly held:
    | {
        readonly uuid: string;
        readonly rows: readonly string[];
        readonly ports?: readonly string[] | undefined;
      }
    | undefined;
}

/** One look at a store: what was read of its instances, and what the checks find. Changes nothing. */
export class Examination {
  readonly layout: StoreLayout;
  readonly work: Work;
  readonly instances: readonly ExaminedInstance[];
  readonly #found: Diagnosis[] = [];
  readonly #busy: ReadonlyMap<string, unknown>;

  private constructor(layout: StoreLayout, work: Work, instances: readonly ExaminedInstance[]) {
    this.layout = layout;
    this.work = work;
    this.instances = instances;
    this.#busy = holderPurposes(layout);
  }

  /** Reads the instances. @throws MultipassError PERMISSION_DENIED */
  static async begin(layout: StoreLayout, work: Work): Promise<Examination> {
    const instances: ExaminedInstance[] = [];
    for (const { view, reading } of await readInstances(layout)) {
      const dir = layout.instance(view.name);
      // What a link leads to is not of this store.
      const held = isOwnFolder(dir.path) ? await rowsOfFolder(dir) : undefined;
      instances.push({ name: view.name, dir, view, reading, held });
    }
    return new Examination(layout, work, instances);
  }

  /** What was found by now. */
  get found(): readonly Diagnosis[] {
    return this.#found;
  }

  /**
   * Whether a living command has the lock of an instance: what is in its folder may be on its way from one state to
   * another then, and nothing is told of it.
   */
  isBusy(instance: string): boolean {
    return this.#busy.has(instance);
  }

  /** Notes that something is so. */
  note(kind: FindingKind, sign: Sign): void {
    const path = sign.path === null ? null : this.layout.relative(sign.path);
    this.#found.push(diagnosisOf(kind, path, sign));
  }
}

/** A part of an examination. */
export type Check = (examination: Examination) => void | Promise<void>;

/** Whether there is a folder at a path: no link, and nothing else. */
export function isOwnFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
