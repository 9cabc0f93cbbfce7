import { Work } from '../index.js';
import type { CliContext } from './context.js';
import type { DisplayChoice, Title } from './display.js';

export type { Title };

/** Who does work, and how they want to see it: an invocation with the options `PROGRESS`. */
export interface Working {
  readonly context: CliContext;
  readonly options: DisplayChoice;
}

/** Does something else while the work stands still and shows nothing: asks a question. @returns what `act` returns */
export type Aside = <Result>(act: () => Promise<Result>) => Promise<Result>;

/**
 * Does a piece of work and shows on stderr how it goes: what it does and how far it is, whom it waits for, and its
 * warnings. Ctrl-C stops it. When it has ended, nothing moves any more and results may be written.
 * @param title what is done, for people: `Cloning web`
 * @returns what `act` returns
 */
export async function withWork<Result>(
  { context, options }: Working,
  title: Title,
  act: (work: Work, aside: Aside) => Result | Promise<Result>,
): Promise<Result> {
  const { openDisplay } = await import('./display.js');
  const display = await openDisplay(context.stderr, options, title);
  const work = Work.of({
    signal: context.signal,
    onProgress: (progress) => display.progress(progress),
    onWarning: (warning) => display.warning(warning),
    onWait: (instance, holders) => display.waiting(instance, holders),
  });
  const aside: Aside = async (other) => {
    display.pause?.();
    const result = await other();
    display.resume?.();
    return result;
  };
  try {
    return await act(work, aside);
  } finally {
    display.pause?.();
  }
}
