import { MultipassError, hasCode } from '../errors.js';
import { printable } from './format/table.js';

/**
 * Does several things one after the other although some fail, and fails as a whole at the end, in Multipass's words,
 * which are the same for one failure as for many. Only failures that a user can meet are collected: a bug, and an
 * interruption, end everything.
 */
export class Failures {
  readonly #errors: MultipassError[] = [];

  async collect(work: () => void | Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
      this.#errors.push(error);
    }
  }

  /** @throws MultipassError SEVERAL with a printable line for each failure; its cause holds them all */
  throwIfAny(): void {
    if (this.#errors.length === 0) return;
    const lines = this.#errors.map(({ message }) => printable(message));
    throw new MultipassError('SEVERAL', ['The following errors occurred:', ...lines].join('\n'), {
      cause: new AggregateError(this.#errors),
    });
  }
}
