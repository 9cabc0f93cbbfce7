import { MultipassError } from '../../errors.js';
import type { StagedInstance } from '../../store/staging.js';
import { withoutMounts } from '../live-snapshots/without-mounts.js';
import type { StandstillRequest } from '../live/standstill.js';
import { allocatedBytes } from '../disks/copy-file.js';
import { MemoryWorkshop } from './memory-workshop.js';
import { planWarm, type WarmPlan, type WarmRequest } from './plan-warm.js';

/**
 * The memory of a source, from before it is taken until all clones have it: made ready while the source runs, taken at
 * the moment of which its disk is copied, and shared by the clones.
 */
export class WarmClone implements AsyncDisposable {
  readonly plan: WarmPlan;
  readonly #workshop: MemoryWorkshop;
  #mounts: AsyncDisposable | undefined;
  #saved = '';

  private constructor(
    plan: WarmPlan,
    { workshop, mounts }: { workshop: MemoryWorkshop; mounts: AsyncDisposable | undefined },
  ) {
    this.plan = plan;
    this.#workshop = workshop;
    this.#mounts = mounts;
  }

  /**
   * Makes ready; of a running source the mounts are off until its memory is taken.
   * @throws MultipassError as {@link planWarm}; MOUNT_FAILED, DISK_FULL, QEMU_FAILED, ABORTED, …
   */
  static async prepare(request: WarmRequest): Promise<WarmClone> {
    const { layout, source, work } = request;
    const plan = await planWarm(request);
    const workshop = await MemoryWorkshop.open({
      layout,
      source,
      machine: plan.machine,
      cards: plan.record.cards,
      work,
    });
    try {
      if (plan.tag !== null) return new WarmClone(plan, { workshop, mounts: undefined });
      await workshop.expect();
      const mounts = await withoutMounts(layout, source, work);
      return new WarmClone(plan, { workshop, mounts });
    } catch (error) {
      await workshop[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Takes the memory of a running source, whose guest stands still. @throws MultipassError QMP_FAILED, ABORTED */
  async take(running: StandstillRequest): Promise<void> {
    this.#saved = new Date().toISOString();
    await this.#workshop.receive(running);
  }

  /**
   * Makes the files of what was taken, or of what is saved in the disk of a source whose lock is held.
   * @throws MultipassError INSTANCE_CHANGED when the source was stopped or started meanwhile; QEMU_FAILED, …
   */
  async finish(): Promise<void> {
    await this.#mountAgain();
    const { tag, source } = this.plan;
    if (tag !== null) {
      this.#saved = new Date().toISOString();
      await this.#workshop.load(tag);
    } else if (this.#saved === '') {
      throw new MultipassError('INSTANCE_CHANGED', `"${source.name}" was stopped meanwhile`, {
        hint: 'Start it, and clone it again.',
        details: { name: source.name },
      });
    }
    await this.#workshop.finish();
  }

  /** Gives it to a clone in the making. @returns bytes on the disk that all clones share */
  async linkInto(clone: StagedInstance): Promise<number> {
    const { record } = this.plan;
    await this.#workshop.linkInto(clone, {
      ...record,
      qemu: this.#workshop.qemu,
      saved: this.#saved,
    });
    return (await allocatedBytes(clone.ram)) + (await allocatedBytes(clone.devices));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mountAgain();
    await this.#workshop[Symbol.asyncDispose]();
  }

  async #mountAgain(): Promise<void> {
    const mounts = this.#mounts;
    this.#mounts = undefined;
    await mounts?.[Symbol.asyncDispose]();
  }
}
