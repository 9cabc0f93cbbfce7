import { getSystemErrorMap } from 'node:util';

const numbers = new Map(
  [...getSystemErrorMap()].map(([errno, [code, text]]) => [code, { errno, text }]),
);

/** Which call failed, and on what. */
export interface FailedCall {
  readonly syscall: string;
  readonly path?: string | undefined;
  readonly dest?: string | undefined;
}

/** An error as Node makes it of what the system says. */
export function systemError(code: string, { syscall, path, dest }: FailedCall): Error {
  const known = numbers.get(code);
  if (known === undefined) throw new Error(`no such code: ${code}`);
  const from = path === undefined ? '' : ` '${path}'`;
  const to = dest === undefined ? '' : ` -> '${dest}'`;
  const { stackTraceLimit } = Error;
  // Most of them are an answer, and a stack takes longer than all the rest.
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${known.text}, ${syscall}${from}${to}`);
  Error.stackTraceLimit = stackTraceLimit;
  return Object.assign(error, {
    errno: known.errno,
    code,
    syscall,
    ...(path === undefined ? {} : { path }),
    ...(dest === undefined ? {} : { dest }),
  });
}
