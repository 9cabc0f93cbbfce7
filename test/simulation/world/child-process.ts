import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { Program } from './program.js';
import { PROGRAMS } from './programs.js';
import { systemError } from '../model/system-error.js';
import { VirtualProcess } from './virtual-process.js';

/** A child as `node:child_process` has it, of which the product sees no more than this. */
class Child extends EventEmitter {
  pid: number | undefined;
  exitCode: number | null = null;
  signalCode: string | null = null;
  readonly stdin = null;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly stdio = [null, this.stdout, this.stderr];
  readonly #self: VirtualProcess | undefined;

  constructor(self: VirtualProcess | undefined) {
    super();
    this.#self = self;
    this.pid = self?.pid;
  }

  kill(): boolean {
    this.#self?.kill();
    return true;
  }

  ref(): void {
    // The world goes on as long as anybody has something to do.
  }

  unref(): void {
    // The same.
  }
}

interface SpawnOptions {
  readonly stdio?: readonly unknown[];
  readonly cwd?: string;
}

/** `spawn` of a process: the program is a model, and a process of its own, which outlives who started it. */
export function spawnIn(parent: VirtualProcess) {
  const { world } = parent;
  return (file: string, args: readonly string[], options: SpawnOptions): Child => {
    const program = PROGRAMS[file];
    if (program === undefined) {
      world.gaps.push(`program ${file} ${args.join(' ')}`);
      const child = new Child(undefined);
      queueMicrotask(() =>
        child.emit('error', systemError('ENOENT', { syscall: `spawn ${file}`, path: file })),
      );
      return child;
    }
    const self = new VirtualProcess(world, `${parent.name}/${file}`, parent);
    for (const [index, from] of (options.stdio ?? []).entries()) {
      const shared = typeof from === 'number' ? parent.descriptors.get(from) : undefined;
      if (shared !== undefined) self.descriptors.inherit(index, shared);
    }
    const child = new Child(self);
    const ended = (
      how: Pick<Child, 'exitCode' | 'signalCode'>,
      output = { stdout: '', stderr: '' },
    ): void => {
      void world.step(parent, {
        label: `wait ${file} ${how.exitCode ?? how.signalCode ?? ''} ${output.stderr}`,
        work: () => {
          Object.assign(child, how);
          child.stdout.end(output.stdout);
          child.stderr.end(output.stderr);
          child.emit('exit', how.exitCode, how.signalCode);
          // What nobody reads does not end.
          child.stdout.resume();
          child.stderr.resume();
          void Promise.all([child.stdout, child.stderr].map(endOf)).then(() =>
            child.emit('close', how.exitCode, how.signalCode),
          );
        },
      });
    };
    self.onKilled = () => {
      ended({ exitCode: null, signalCode: 'SIGKILL' });
    };
    void runProgram(self, program, { file, args, cwd: options.cwd ?? '/' }).then(
      ({ exitCode, ...output }) => {
        self.die();
        ended({ exitCode, signalCode: null }, output);
      },
      (error: unknown) => {
        world.gaps.push(`program ${file}: ${(error as Error).stack ?? ''}`);
        self.die();
      },
    );
    queueMicrotask(() => child.emit('spawn'));
    return child;
  };
}

async function runProgram(
  self: VirtualProcess,
  program: Program,
  {
    file,
    args,
    cwd,
  }: { readonly file: string; readonly args: readonly string[]; readonly cwd: string },
): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  await self.world.step(self, {
    label: `exec ${[file, ...args].join(' ')}`,
    work: () => undefined,
  });
  const { exitCode, stdout = '', stderr = '' } = await program({ self, args, cwd });
  return { exitCode, stdout, stderr };
}

async function endOf(stream: PassThrough): Promise<void> {
  if (stream.readableEnded) return;
  await new Promise<void>((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
  });
}
