import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './fuzz-reader.js';
import { Progress, type Task } from './task.js';

/** As much time of a processor as one input may take; others may have that processor meanwhile. */
const LONGEST_MS = 5000;
/** As long as one may wait for something. */
const LONGEST_WAIT_MS = 60_000;
const LOOK_MS = 100;
/** What the thread may have: its heap by itself, and with all that lies outside of it. */
const MOST_HEAP_MIB = 256;
const MOST_MEMORY = 1024 ** 3;

/** Has readers take their turns in threads; one is ended, and another begun, when an input takes too long or too much. */
export async function runTask(
  program: string,
  task: Omit<Task, 'shared' | 'folder'>,
  tell: (outcome: Outcome) => void,
): Promise<void> {
  let { turns } = task;
  while (turns.length > 0) {
    let done = 0;
    const ended = await runThread(program, { ...task, turns }, (outcome) => {
      done += 1;
      tell(outcome);
    });
    const reader = turns[done]?.reader;
    if (ended !== undefined && reader !== undefined) {
      tell({ ...NOTHING, reader, inputs: ended.inputs, found: [{ reader, ...ended }] });
      done += 1;
    }
    turns = turns.slice(done);
  }
}

const NOTHING = { taken: 0, refused: 0, branches: 0, kept: 0, seconds: 0, slowest: LONGEST_MS };

/** Why a thread was ended. */
interface Ended {
  readonly fault: string;
  readonly input: string;
  readonly inputs: number;
}

/** @returns why it was ended; undefined: it came to its own end */
async function runThread(
  program: string,
  task: Omit<Task, 'shared' | 'folder'>,
  tell: (outcome: Outcome) => void,
): Promise<Ended | undefined> {
  const folder = mkdtempSync(join(memoryFolder(), 'multipass-ts-fuzz-'));
  const progress = new Progress();
  const worker = new Worker(program, {
    workerData: { ...task, folder, shared: progress.shared } satisfies Task,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MIB, stackSizeMb: 4 },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Ended | undefined>((resolve, reject) => {
      let [told, seen, since, used] = [0, 0, 0, 0];
      const end = (fault: string): void =>
        resolve({
          fault,
          input: progress.input().toString('base64'),
          inputs: progress.count - told,
        });
      timer = setInterval(() => {
        const [now, cpu] = [performance.now(), cpuMs()];
        if (process.memoryUsage.rss() > MOST_MEMORY) end('it takes too much memory');
        if (progress.count !== seen) [seen, since, used] = [progress.count, now, cpu];
        else if (seen === 0) return;
        else if (cpu - used > LONGEST_MS) end(`it takes more than ${LONGEST_MS} ms`);
        else if (now - since > LONGEST_WAIT_MS) end('it waits for ever');
      }, LOOK_MS);
      worker.on('message', (outcome: Outcome) => {
        told = progress.count;
        tell(outcome);
      });
      worker.once('exit', () => resolve(undefined));
      worker.once('error', (error: NodeJS.ErrnoException) => {
        // Before the first input it is the harness's own.
        if (progress.count === 0) reject(error);
        else end(`the thread ended: ${error.code ?? ''} ${error.message}`);
      });
    });
  } finally {
    clearInterval(timer);
    await worker.terminate();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Where files cost no writing to a disk. */
function memoryFolder(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
