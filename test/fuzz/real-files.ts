import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Has programs make files in a folder that goes again. @returns those that are named, whole */
export function madeBy(script: string, ...names: readonly string[]): Buffer[] {
  const folder = mkdtempSync(join(tmpdir(), 'multipass-ts-samples-'));
  try {
    execFileSync('sh', ['-ec', script], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    return names.map((name) => readFileSync(join(folder, name)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
