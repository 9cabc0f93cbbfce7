import { fileURLToPath } from 'node:url';

/** The built command: `npm test` builds it first. */
export const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));

/** What the tests' commands keep of its compiled code: nothing of theirs gets among the user's own. */
export const CODE_CACHE = fileURLToPath(
  new URL('../../node_modules/.cache/multipass-ts/code', import.meta.url),
);
