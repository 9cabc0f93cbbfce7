// Folders do not import each other in pairs or circles: node scripts/check-folders.mjs
// A unit is a folder of src; a file beside folders (src/vm/open.ts, src/cli/command.ts) is a unit of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const IMPORT = /(?:from|import\()\s*'(\.[^']+)\.js'/g;

const files = readdirSync('src', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => join(entry.parentPath, entry.name));
const withFolders = new Set(files.map((file) => dirname(dirname(file))));
const unitOf = (file) => (withFolders.has(dirname(file)) ? file : dirname(file));

const edges = new Map();
for (const file of files) {
  for (const [, path] of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const target = `${normalize(join(dirname(file), path))}.ts`;
    const [from, to] = [unitOf(file), unitOf(target)];
    if (from === to) continue;
    if (!edges.has(from)) edges.set(from, new Map());
    edges.get(from).set(to, `${file} imports ${target}`);
  }
}

/** The shortest way from a unit back to itself; undefined when there is none. */
function circleOf(start) {
  const cameFrom = new Map();
  const queue = [start];
  for (const unit of queue) {
    for (const [next, why] of edges.get(unit) ?? []) {
      if (next === start) {
        const steps = [why];
        for (let at = unit; at !== start; at = cameFrom.get(at).unit)
          steps.unshift(cameFrom.get(at).why);
        return steps;
      }
      if (!cameFrom.has(next)) {
        cameFrom.set(next, { unit, why });
        queue.push(next);
      }
    }
  }
  return undefined;
}

const told = new Set();
for (const unit of edges.keys()) {
  const steps = circleOf(unit);
  if (steps === undefined) continue;
  const key = [...steps].sort().join('\n');
  if (told.has(key)) continue;
  told.add(key);
  console.error(`circle of folders:\n  ${steps.join('\n  ')}`);
}
if (told.size > 0) process.exit(1);
