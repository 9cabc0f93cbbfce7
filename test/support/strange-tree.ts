import { fileURLToPath } from 'node:url';
import { run } from '../../src/process/run.js';

const SCRIPT = fileURLToPath(new URL('strange_tree.py', import.meta.url));

/** Makes a tree with names, sizes, modes and links of every kind, and `count` small files. */
export async function makeStrangeTree(folder: string, count: number): Promise<void> {
  await run('python3', [SCRIPT, 'make', folder, String(count)]);
}

/** All there is to a tree, one line for each file: equal trees, equal texts. */
export async function tellTree(folder: string): Promise<string> {
  const { stdout } = await run('python3', [SCRIPT, 'tell', folder]);
  return stdout.split('\n').toSorted().join('\n');
}
