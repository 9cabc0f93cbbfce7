import { relative } from 'node:path';
import type { Reporter, TestModule } from 'vitest/node';

const SLOWEST = 10;

/**
 * After vitest's own summary: the ten slowest files, when there are more, and the plain closing line
 * `N passed, N failed` (`, N skipped` may follow).
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const lines = modules.length > SLOWEST ? ['', ...slowestOf(modules)] : [];
    lines.push('', closingLine(modules, unhandledErrors.length), '');
    process.stdout.write(lines.join('\n'));
  }
}

function slowestOf(modules: readonly TestModule[]): string[] {
  const timed = modules.map((module) => ({ module, seconds: module.diagnostic().duration / 1000 }));
  const slowest = timed.sort((a, b) => b.seconds - a.seconds).slice(0, SLOWEST);
  const lines = slowest.map(
    ({ module, seconds }) =>
      `${seconds.toFixed(1).padStart(8)} s  ${relative(process.cwd(), module.moduleId)}`,
  );
  return [`The ${SLOWEST} slowest of ${modules.length} files:`, ...lines];
}

function closingLine(modules: readonly TestModule[], unhandled: number): string {
  let passed = 0;
  let failed = unhandled;
  let skipped = 0;
  for (const module of modules) {
    let failedHere = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      if (state === 'passed') passed += 1;
      else if (state === 'failed') failedHere += 1;
      else skipped += 1;
    }
    // A file that could not even be collected has no failed test of its own.
    failed += failedHere === 0 && module.state() === 'failed' ? 1 : failedHere;
  }
  const tail = skipped > 0 ? `, ${skipped} skipped` : '';
  return `${passed} passed, ${failed} failed${tail}`;
}
