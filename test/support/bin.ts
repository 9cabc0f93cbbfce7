import { existsSync } from 'node:fs';
import { arch } from 'node:process';
import { fileURLToPath } from 'node:url';

const built = (name: string): string =>
  fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));

/** The command for Node: `npm run build` makes it. */
export const NODE_BIN = built('cli/bin.js');

/** Which build the tests of the command are about: `MULTIPASS_TEST_BIN`, `node` unless it says `binary`. */
export const BUILD = chosenBuild();

/** The built command as a file, for a link to it. */
export const BIN = BUILD === 'node' ? NODE_BIN : binary();

/** What starts the built command: its words follow. */
export const COMMAND: readonly [program: string, ...args: string[]] =
  BUILD === 'node' ? [process.execPath, BIN] : [BIN];

function chosenBuild(): 'node' | 'binary' {
  const chosen = process.env['MULTIPASS_TEST_BIN'] ?? 'node';
  if (chosen === 'node' || chosen === 'binary') return chosen;
  throw new Error(`MULTIPASS_TEST_BIN is "${chosen}": node or binary`);
}

function binary(): string {
  const path = built(`multipass-linux-${arch}`);
  if (!existsSync(path)) throw new Error(`"${path}" is missing: npm run build:binary`);
  return path;
}

/** What the tests' commands keep of its compiled code: nothing of theirs gets among the user's own. */
export const CODE_CACHE = fileURLToPath(
  new URL('../../node_modules/.cache/multipass-ts/code', import.meta.url),
);
