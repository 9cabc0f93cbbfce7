/** How much is said on stderr: 0 errors, 1 warnings (`-v` adds one level each): info, debug, trace. */
export type Verbosity = 0 | 1 | 2 | 3 | 4;

const LEVELS = { error: 0, warning: 0, info: 1, debug: 2, trace: 4 } as const;

type Level = keyof typeof LEVELS;

/** Where log lines go; the command sets it, a library user may. */
export interface LogSink {
  /** Gets a line, with its line break. */
  write(line: string): void;
  /** Lines that are of a higher level are not written. */
  verbosity: Verbosity;
}

let sink: LogSink | undefined;

/** Directs the log of this process. Without a call nothing is logged: a library is silent by itself. */
export function setLogSink(next: LogSink | undefined): void {
  sink = next;
}

/** Whether lines of a level are written, for those that take work to make. */
export function isLogged(level: Level): boolean {
  return sink !== undefined && LEVELS[level] <= sink.verbosity;
}

/** Writes one line, such as `[debug] [exec] qemu-img check …`, when the verbosity asks for its level. */
export function log(level: Level, category: string, message: string): void {
  if (isLogged(level)) sink?.write(`[${level}] [${category}] ${message}\n`);
}
