import type { BrokenInstanceView } from '../vm/views.js';
import type { CliContext } from './context.js';
import { printable } from './format/table.js';

/** Tells on stderr why instances are Broken; the lists themselves go on. */
export function tellProblems(context: CliContext, broken: readonly BrokenInstanceView[]): void {
  for (const { name, problem } of broken) {
    context.stderr.write(`${printable(`instance "${name}" is broken: ${problem.message}`)}\n`);
    context.stderr.write(`  hint: ${printable(problem.hint)}\n`);
  }
}

/** Tells on stderr what the user should know although all went well. */
export function tellWarning(context: CliContext, warning: string): void {
  context.stderr.write(`${printable(`warning: ${warning}`)}\n`);
}
