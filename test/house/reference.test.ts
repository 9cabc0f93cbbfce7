import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { run } from '../../src/process/run.js';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

it('has a comment for all that the library exports, and no link that leads nowhere', async () => {
  const typedoc = join(PROJECT, 'node_modules', 'typedoc', 'bin', 'typedoc');
  const args = [typedoc, '--emit', 'none', '--logLevel', 'Warn'];
  const { stdout, stderr, exitCode } = await run(process.execPath, args, {
    cwd: PROJECT,
    okExitCodes: [0, 1, 2, 3, 4, 5],
  });
  expect({ said: stdout + stderr, exitCode }).toEqual({ said: '', exitCode: 0 });
}, 300_000);
