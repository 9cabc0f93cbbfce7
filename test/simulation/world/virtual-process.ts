import { Descriptors } from '../model/inode.js';
import type { Calls } from '../model/calls.js';
import type { Drivers } from '../model/fs-module.js';
import type { Actor, World } from './scheduler.js';

/** A process of the simulated machine: its pid, its open files, its children, and its death. */
export class VirtualProcess implements Actor {
  readonly world: World;
  readonly name: string;
  readonly pid: number;
  readonly startTime: string;
  readonly descriptors = new Descriptors();
  readonly parent: VirtualProcess | undefined;
  isDead = false;
  /** Told when it is killed and somebody waits for it. */
  onKilled: (() => void) | undefined;

  constructor(world: World, name: string, parent?: VirtualProcess) {
    this.world = world;
    this.name = name;
    this.parent = parent;
    this.pid = world.newPid();
    this.startTime = String(world.now / 10_000_000n);
    world.processes.set(this.pid, this);
  }

  /** How its calls are carried out. */
  get drivers(): Drivers {
    return {
      now: (calls) => this.#carryOutNow(calls),
      later: async (calls) => await this.#carryOut(calls),
    };
  }

  /** Itself, and what it has started. */
  family(): Actor[] {
    return [...this.world.processes.values()].filter(
      (other) => other === this || (other instanceof VirtualProcess && other.parent === this),
    );
  }

  /** Ends it, however it ends: its files are closed, its locks fall. */
  die(): void {
    if (this.isDead) return;
    this.isDead = true;
    this.descriptors.closeAll();
    this.world.forget(this);
  }

  kill(): void {
    if (this.isDead) return;
    this.die();
    this.onKilled?.();
  }

  #carryOutNow<T>(calls: Calls<T>): T {
    let step = calls.next();
    while (!step.done) {
      const { label, work } = step.value;
      let value: unknown;
      try {
        value = this.world.call(this, label, work);
      } catch (error) {
        step = calls.throw(error);
        continue;
      }
      step = calls.next(value);
    }
    return step.value;
  }

  async #carryOut<T>(calls: Calls<T>): Promise<T> {
    let step = calls.next();
    while (!step.done) {
      let value: unknown;
      try {
        value = await this.world.step(this, step.value);
      } catch (error) {
        step = calls.throw(error);
        continue;
      }
      step = calls.next(value);
    }
    return step.value;
  }
}
