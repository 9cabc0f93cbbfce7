/** A process that carries out one order after the other, each by a clock of its own. See racer-process.ts. */
import { openStore } from '../../src/index.js';
import { StoreLayout } from '../../src/store/layout.js';
import { carryOut } from '../simulation/command.js';
import { multipassInProcess } from '../support/in-process.js';
import type { Failure, Order, Report } from './order.js';

let shiftMs = 0;

const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args: unknown[]) {
    super(...((args.length === 0 ? [RealDate.now() + shiftMs] : args) as [number]));
  }

  static override now(): number {
    return RealDate.now() + shiftMs;
  }
} as DateConstructor;

async function obey({ root, deed }: Order): Promise<Report> {
  if ('words' in deed) {
    return { made: [], result: await multipassInProcess(deed.words, new StoreLayout(root)) };
  }
  try {
    return { made: [...(await carryOut({ openStore }, deed.command, root))] };
  } catch (error) {
    return { made: [], failure: failureOf(error as Error) };
  }
}

function failureOf(error: Error): Failure {
  const { code, details } = error as { code?: string; details?: { pending?: unknown } };
  const { message, stack } = error;
  return { code, message, stack, isPending: details?.pending !== undefined };
}

process.on('message', (order: Order) => {
  ({ shiftMs } = order);
  void obey(order).then((report) => process.send?.(report));
});
process.on('disconnect', () => process.exit(0));
