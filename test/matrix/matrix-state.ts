import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from '../crash/try-once.js';
import type { MatrixOptions } from './matrix-options.js';

/** What came of a point: `seen` and `same` reached a state that was looked at before, `same` without being run; `missed`: no run came to it. */
export interface PointResult {
  readonly result: 'held' | 'seen' | 'same' | 'missed' | 'failed';
  readonly problem?: string;
}

interface Point extends Target {
  /** What is struck: where the program has changed, results of before are of no use. */
  readonly call: string;
}

/**
 * The results of an operation, one JSON object a line, so that a run that was ended is gone on with. What has failed is
 * tried again.
 */
export class MatrixState {
  readonly #file: string;
  readonly #done = new Map<string, PointResult>();

  constructor(folder: string, operation: string, shard: MatrixOptions['shard']) {
    mkdirSync(folder, { recursive: true });
    const name = operation.replaceAll(/[^A-Za-z0-9]+/g, '-');
    this.#file = join(folder, `${name}.${shard.number}-of-${shard.of}.jsonl`);
    this.#operation = operation;
    if (!existsSync(this.#file)) return;
    for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
      if (line === '') continue;
      const point = JSON.parse(line) as Point & PointResult;
      if ('result' in point) this.#done.set(keyOf(point), point);
    }
  }

  readonly #operation: string;

  /** Notes how many steps there are. */
  begin(steps: number): void {
    this.#append({ operation: this.#operation, steps });
  }

  has(point: Point): boolean {
    const known = this.#done.get(keyOf(point));
    return known !== undefined && known.result !== 'failed';
  }

  add(point: Point & PointResult): void {
    this.#done.set(keyOf(point), point);
    this.#append(point);
  }

  /** What is wrong, by point. */
  failures(): string[] {
    return [...this.#done]
      .filter(([, { result }]) => result === 'failed')
      .map(([key, { problem }]) => `${key}: ${problem ?? ''}`);
  }

  #append(line: object): void {
    appendFileSync(this.#file, `${JSON.stringify(line)}\n`);
  }
}

function keyOf({ step, strike, call }: Point): string {
  return `${step} (${call}), ${strike}`;
}
