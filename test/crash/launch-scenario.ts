import { randomBytes } from 'node:crypto';
import { mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { compile } from '../process/program-fixture.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

const DISK = 'outside/disk.img';
const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** All that `launch` does up to the start of QEMU: the image comes into the store, and the instance is made of it. */
const LAUNCHER = `
import { StoreLayout } from '${SRC}/store/layout.ts';
import { obtainImage } from '${SRC}/vm/images/obtain-image.ts';
import { createInstance } from '${SRC}/vm/launch/create-instance.ts';
import { prepareStore } from '${SRC}/vm/sweep.ts';
import { Work } from '${SRC}/work.ts';
const [root = '', disk = ''] = process.argv.slice(2);
const layout = new StoreLayout(root);
const sizes = { cpus: 1, memory: 128 * 1024 ** 2, usualDisk: 64 * 1024 ** 2 };
try {
  await prepareStore(layout);
  const work = Work.of({});
  const image = await obtainImage({ layout, query: 'file://' + disk, mirror: null, work });
  await createInstance({ layout, name: 'web', image: 'default', ...sizes, work }, image);
} catch (error) {
  if (error.code === undefined) throw error;
  process.stderr.write(error.message + '\\n');
  process.exitCode = 2;
}
`;

/** A store, and beside it a disk that an image is made of, and the program. */
export async function launchTemplate(): Promise<string> {
  return await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    const raw = join(folder, 'disk.raw');
    const content = randomBytes(1024 ** 2);
    // A boot sector.
    content.writeUInt16LE(0xaa_55, 510);
    await writeFile(raw, content);
    await truncate(raw, 8 * 1024 ** 2);
    await mkdir(join(folder, 'outside'));
    const disk = join(folder, DISK);
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
    await rm(raw);
    await compile(folder, LAUNCHER);
  });
}

/** `launch file://…/disk.img --name web`, to its start. */
export function launchScenario(template: string): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    program: ({ folder, layout }) => [
      process.execPath,
      join(folder, 'program.mjs'),
      layout.root,
      join(folder, DISK),
    ],
    args: () => [],
    untouched: [`store/instances/${BYSTANDER}`, 'outside'],
    before: [`${BYSTANDER} Stopped`],
    after: [`${BYSTANDER} Stopped`, 'web Stopped'],
    commit: { call: 'rename store/staging/* store/instances/web' },
    // A download that was begun is gone on with by whoever wants the image next.
    mayLeave: ['lock-left', 'download-left'],
    check: async ({ layout, folder }, isAfter) => {
      for (const id of await readdir(layout.images)) {
        await run('qemu-img', ['compare', '-q', layout.image(id).disk, join(folder, DISK)]);
      }
      if (!isAfter) return;
      const { dir, spec } = readInstance(layout, 'web');
      expect(spec.sshKey).toBe('id_ed25519');
      expect(await readdir(layout.keys)).toEqual(['id_ed25519']);
      await run('qemu-img', ['check', '-q', dir.disk]);
    },
  });
}
