import { readFileSync } from 'node:fs';
import type { Measured } from './report.js';

/** How long one round took, in milliseconds. */
export interface Round {
  readonly ms: number;
  /** What this process and the programs that it waited for have computed meanwhile. */
  readonly cpuMs: number;
}

/** What the rounds of one side came to, in milliseconds. */
export class Timing {
  /** Medians. */
  readonly ms: number;
  readonly cpuMs: number;
  /** Between them lies the middle half. */
  readonly low: number;
  readonly high: number;

  private constructor(values: Pick<Timing, 'ms' | 'low' | 'high' | 'cpuMs'>) {
    this.ms = values.ms;
    this.low = values.low;
    this.high = values.high;
    this.cpuMs = values.cpuMs;
  }

  static of(rounds: readonly Round[]): Timing {
    const times = rounds.map(({ ms }) => ms).toSorted((a, b) => a - b);
    // The kernel counts programs in hundredths of a second: a mean tells more than a median.
    const cpuMs = rounds.reduce((sum, round) => sum + round.cpuMs, 0) / rounds.length;
    const [low, ms, high] = [0.25, 0.5, 0.75].map((part) => at(times, part));
    return new Timing({ ms: ms ?? NaN, low: low ?? NaN, high: high ?? NaN, cpuMs });
  }

  /** What is left without another side, which is a part of this one. */
  less(other: Timing): Timing {
    const [ms, low, high] = [this.ms, this.low, this.high].map((value) => value - other.ms);
    return new Timing({
      ms: ms ?? NaN,
      low: low ?? NaN,
      high: high ?? NaN,
      cpuMs: this.cpuMs - other.cpuMs,
    });
  }

  /** Of each of so many. */
  each(count: number): Timing {
    const { ms, low, high, cpuMs } = this;
    return new Timing({
      ms: ms / count,
      low: low / count,
      high: high / count,
      cpuMs: cpuMs / count,
    });
  }

  as(what: string): Measured {
    const { ms, low, high, cpuMs } = this;
    return { what, ms, low, high, cpuMs };
  }
}

/** What this process and the programs that have ended and that it waited for have computed so far. */
export function cpuTimeMs(): number {
  const { user, system } = process.cpuUsage();
  const stat = readFileSync('/proc/self/stat', 'utf8');
  // After the name, which may have anything in it, cutime and cstime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[13]) + Number(fields[14]);
  return (user + system) / 1000 + ticks * 10;
}

function at(sorted: readonly number[], part: number): number {
  const place = (sorted.length - 1) * part;
  const [below = NaN, above = NaN] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]];
  return below + (above - below) * (place - Math.floor(place));
}
