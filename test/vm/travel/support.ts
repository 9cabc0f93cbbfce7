import { randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { exportInstance } from '../../../src/vm/travel/export-instance.js';
import type { ExportChoices, ExportReport } from '../../../src/vm/travel/export-request.js';
import { importInstance } from '../../../src/vm/travel/import-instance.js';
import type { ImportChoices, ImportReport } from '../../../src/vm/travel/import-request.js';

/** Another store, as on another machine. */
export async function otherStore(root: string): Promise<StoreLayout> {
  const layout = new StoreLayout(join(root, '..', 'other'));
  await initialiseStore(layout);
  return layout;
}

/** Gives an instance a disk of so many MiB that no two parts of are alike, and that nothing makes smaller. */
export async function fillWithNoise(dir: InstanceDir, mebibytes: number): Promise<void> {
  const raw = `${dir.path}.raw`;
  await writeFile(raw, randomBytes(mebibytes * 1024 ** 2));
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, dir.disk]);
  await run('qemu-img', ['resize', '-q', '-f', 'qcow2', dir.disk, '64M']);
  await rm(raw);
}

/** Exports an instance into memory. */
export async function exported(
  layout: StoreLayout,
  name: string,
  choices: ExportChoices = {},
): Promise<{ archive: Buffer; report: ExportReport; warnings: string[] }> {
  const pieces: Buffer[] = [];
  const warnings: string[] = [];
  const report = await exportInstance({
    ...choices,
    layout,
    name,
    target: (bytes) => {
      pieces.push(Buffer.from(bytes));
      return Promise.resolve();
    },
    work: { onWarning: (warning) => warnings.push(warning) },
  });
  return { archive: Buffer.concat(pieces), report, warnings };
}

/** Imports an archive from memory, which comes in pieces of an odd length. */
export async function imported(
  layout: StoreLayout,
  archive: Buffer,
  choices: ImportChoices = {},
): Promise<{ report: ImportReport; warnings: string[] }> {
  const warnings: string[] = [];
  const work = { onWarning: (warning: string) => warnings.push(warning) };
  const report = await importInstance({ ...choices, layout, from: inPieces(archive), work });
  return { report, warnings };
}

/** A stream of an archive. */
export async function* inPieces(archive: Buffer, length = 70_001): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < archive.length; at += length) {
    await Promise.resolve();
    yield archive.subarray(at, at + length);
  }
}

/** Whether two files hold the same. */
export async function areSame(one: string, other: string): Promise<boolean> {
  return (await readFile(one)).equals(await readFile(other));
}
