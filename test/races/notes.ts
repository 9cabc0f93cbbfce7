import type { Attempt } from '../simulation/command.js';
import { exportedFile, type Place } from './deeds.js';
import type { Order, Report } from './order.js';
import { complaintOf } from './refusals.js';

/** Where it is taken down what was done in a round. */
interface Notes {
  readonly id: number;
  readonly place: Place;
  readonly attempts: Attempt[];
  readonly exports: Map<number, boolean | undefined>;
  readonly faults: string[];
}

/** @returns what is begun, in words, and what takes down how it ended and tells that */
export function noteOf(
  deed: Order['deed'],
  { id, place, attempts, exports, faults }: Notes,
): [string, (report: Report | undefined) => string] {
  if ('words' in deed) {
    const { words } = deed;
    if (words.includes(exportedFile(place, id))) exports.set(id, undefined);
    return [
      words.join(' '),
      (report) => {
        if (report?.result === undefined) return 'killed';
        const complaint = complaintOf(words, report.result);
        if (complaint !== undefined) faults.push(complaint);
        if (exports.has(id)) exports.set(id, report.result.exitCode === 0);
        return `ended with ${report.result.exitCode}`;
      },
    ];
  }
  const attempt: Attempt = {
    command: deed.command,
    outcome: undefined,
    code: undefined,
    isPending: false,
    error: undefined,
    made: new Map(),
  };
  attempts.push(attempt);
  return [
    Object.values(deed.command).map(String).join(' '),
    (report) => {
      if (report === undefined) return 'killed';
      const { failure, made } = report;
      attempt.outcome = failure === undefined ? 'done' : 'failed';
      attempt.made = new Map(made);
      if (failure === undefined) return 'done';
      const { code, isPending, message, stack } = failure;
      const error = Object.assign(new Error(message), { stack });
      Object.assign(attempt, { code, isPending, error });
      return `failed: ${code ?? message}`;
    },
  ];
}
