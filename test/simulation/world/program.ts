import { call, FsCalls, type Caller } from '../model/calls.js';
import type { VirtualProcess } from './virtual-process.js';

/** How a program ends. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A program as it is run. */
export interface Run {
  readonly self: VirtualProcess;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** A model of a program, whose calls are a process's own. */
export type Program = (run: Run) => Promise<Ended>;

/** The calls of a program. */
export function callsOf(self: VirtualProcess): FsCalls {
  const { files, canShare } = self.world;
  const caller: Caller = {
    files,
    canShare,
    descriptors: self.descriptors,
    special: () => undefined,
  };
  return new FsCalls(caller);
}

/** A file's content in one call. */
export function* wholeOf(calls: FsCalls, path: string): ReturnType<typeof call<Buffer>> {
  const { files } = calls.caller;
  return yield* call(`read all of ${path}`, () => files.content(path));
}
