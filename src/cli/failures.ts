import { MultipassError } from '../errors.js';

/**
 * Does several things one after the other although some fail, and fails as a whole at the end, in Multipass's words.
 * Only failures that a user can meet are collected: a bug, and an interruption, end everything.
 */
export class Failures {
  readonly #errors: MultipassError[] = [];

  async collect(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
      this.#errors.push(error);
    }
  }

  /** @throws the one failure there was, or MultipassError SEVERAL with a line for each */
  throwIfAny(): void {
    const [first, ...more] = this.#errors;
    if (first === undefined) return;
    if (more.length === 0) throw first;
    const lines = this.#errors.map(({ message }) => message);
    throw new MultipassError('SEVERAL', ['The following errors occurred:', ...lines].join('\n'), {
      hint: first.hint,
      cause: new AggregateError(this.#errors),
    });
  }
}
