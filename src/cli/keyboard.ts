/** What is typed, or comes out of a pipe, as it comes. Dispose of it: a terminal is as before then. */
export interface Keyboard extends Disposable {
  /** Whether keys are typed; false: it is a file or pipe. */
  readonly isTerminal: boolean;
}

/** Who hears of a keyboard. */
export interface KeyboardListener {
  /** @returns false for "wait until {@link KeyboardListener.ready} has resolved" */
  readonly onPiece: (piece: Buffer) => boolean;
  /** Resolves when there is room for more. */
  readonly ready: () => Promise<void>;
  /** Called once when nothing more will come: at the end of a file, or when the terminal has hung up. */
  readonly onEnd: () => void;
}

/**
 * Listens to standard input. A terminal does nothing with its keys meanwhile, Ctrl-C included, and shows none of them:
 * they are all for who listens.
 */
export function openKeyboard({ onPiece, ready, onEnd }: KeyboardListener): Keyboard {
  const { stdin } = process;
  const isTerminal = stdin.isTTY;
  let isOpen = true;
  const take = (piece: Buffer): void => {
    if (onPiece(piece)) return;
    stdin.pause();
    void ready().then(() => {
      if (isOpen) stdin.resume();
    });
  };
  stdin.on('data', take);
  stdin.once('end', onEnd);
  // A terminal that has hung up refuses everything, to be set back as well.
  stdin.on('error', onEnd);
  if (isTerminal) stdin.setRawMode(true);
  stdin.resume();
  return {
    isTerminal,
    [Symbol.dispose]: () => {
      isOpen = false;
      if (isTerminal) stdin.setRawMode(false);
      stdin.off('data', take);
      stdin.off('end', onEnd);
      // What still listens would keep the process from ending.
      stdin.pause();
    },
  };
}
