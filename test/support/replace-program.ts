import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { vi } from 'vitest';
import { run } from '../../src/process/run.js';

/**
 * For the rest of a test, a program is this shell script. In it `$REAL` is the real one, and `$LAST` the last
 * argument: what is written to. `home` is a folder that need not exist.
 */
export async function replaceProgram(home: string, name: string, script: string): Promise<void> {
  const { stdout } = await run('which', [name]);
  const lines = ['#!/bin/sh', `REAL='${stdout.trim()}'`, 'for LAST; do :; done', script, ''];
  await mkdir(home, { recursive: true });
  await writeFile(join(home, name), lines.join('\n'));
  await chmod(join(home, name), 0o755);
  vi.stubEnv('PATH', `${home}${delimiter}${process.env['PATH'] ?? ''}`);
}
