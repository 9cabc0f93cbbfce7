import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { briefStep } from '../support/brief-step.js';
import { countSteps } from '../support/inject.js';
import { test } from '../support/worker-fixture.js';

test('a record, a file and a new file are durable before they have their names, and those afterwards', async ({
  store: { layout },
  program,
}) => {
  const { root } = layout;
  for (const name of ['record.json', 'file']) await writeFile(join(root, name), 'old');
  const argv = [process.execPath, program, 'writeFiles', root] as const;
  const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
  expect(exitCode).toBe(0);
  const order = steps.map(briefStep).filter((step) => /^(?:fsync|rename|link)/.test(step));
  expect(order).toEqual([
    'fsync record.json.*',
    'rename record.json.* record.json',
    'fsync .',
    'fsync file.new',
    'rename file.new file',
    'fsync .',
    'fsync made.draft',
    'link made.draft made',
    'fsync .',
  ]);
});

test('a tree is durable with all that is in its folders, and each folder after that', async ({
  store: { layout },
  program,
}) => {
  const { root } = layout;
  await mkdir(join(root, 'tree/inner'), { recursive: true });
  await writeFile(join(root, 'tree/inner/file'), 'x');
  const argv = [process.execPath, program, 'syncTree', root, 'tree'] as const;
  const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
  expect(exitCode).toBe(0);
  expect(steps.map(briefStep).filter((step) => step.startsWith('fsync'))).toEqual([
    'fsync tree/inner/file',
    'fsync tree/inner',
    'fsync tree',
  ]);
});
