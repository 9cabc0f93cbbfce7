import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { run } from '../../../src/process/run.js';
import { handOver } from '../../../src/vm/outward/hand-over.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

/** What KubeVirt's own types say of an object. No cluster looks at it. */
async function complaintsOf(folder: string, machine: object): Promise<string> {
  await mkdir(folder, { recursive: true });
  const compilerOptions = { strict: true, module: 'nodenext', noEmit: true, skipLibCheck: true };
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...compilerOptions, types: [] }, files: ['vm.ts'] }),
  );
  await writeFile(
    join(folder, 'vm.ts'),
    `import type { V1VirtualMachine } from '@kubevirt-ui-ext/kubevirt-api/kubevirt';\n` +
      `export const machine: V1VirtualMachine = ${JSON.stringify(machine)};\n`,
  );
  await symlink(join(PROJECT, 'node_modules'), join(folder, 'node_modules')).catch(() => undefined);
  const tsc = join(PROJECT, 'node_modules', 'typescript', 'bin', 'tsc');
  const { stdout } = await run(process.execPath, [tsc, '--project', folder], {
    okExitCodes: [0, 1, 2],
  });
  return stdout;
}

test('the object that is written for KubeVirt is of its type, and a misspelt one would not be', async ({
  root,
  store: { layout },
}) => {
  await makeInstance(layout, 'web', { spec: { cpus: 2 } });
  const folder = join(root, '..', 'kubevirt');
  await handOver({ layout, name: 'web', engine: 'kubevirt', folder });
  const text = await readFile(join(folder, 'web.yaml'), 'utf8');
  const [, machine] = parseAllDocuments(text).map((one) => parse(String(one)) as object);
  expect(machine).toMatchObject({ kind: 'VirtualMachine' });
  const types = join(root, '..', 'types');
  expect(await complaintsOf(types, machine!)).toBe('');
  const misspelt = JSON.parse(
    JSON.stringify(machine).replace('"macAddress"', '"macAdress"'),
  ) as object;
  expect(await complaintsOf(types, misspelt)).toContain('\'"macAdress"\' does not exist in type');
});
