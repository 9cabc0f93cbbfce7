import { fileURLToPath } from 'node:url';

/** The built command: `npm test` builds it first. */
export const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
