import { mkdirSync } from 'node:fs';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildLegacyData, type LegacyFixture } from '../../fixtures/legacy/build.js';
import { run } from '../../src/process/run.js';
import { runQuickly } from './command.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';

const INSTANCES = 1_000;
const PATTERN = 'old';

/** A migration of many small instances: how much of its time goes into waiting for the disk. */
export async function benchMigrate({ folder, bin, signal, say }: Bench): Promise<Comparison[]> {
  say(`making legacy data of ${INSTANCES} instances`);
  const legacy = await buildLegacyData(join(folder, 'legacy'), { instances: [PATTERN] });
  await multiply(legacy);
  await run('sync', ['--file-system', folder]);
  const root = join(folder, 'store');
  const argv = [process.execPath, bin, 'migrate', '--from', legacy.paths.root] as const;
  const work = (): Promise<void> => runQuickly(argv, { MULTIPASS_STORAGE: root });
  const undo = (): Promise<void> => rm(root, { recursive: true });
  say('timing migrations');
  const { all } = await measure({ all: { work, undo } }, { count: 3, signal });
  const { cpuMs } = all;
  const against = { what: 'its CPU time', ms: cpuMs, low: cpuMs, high: cpuMs, cpuMs };
  return [{ name: `migrate ${INSTANCES}`, ours: all.as('command'), against, aim: { atMost: 1.2 } }];
}

/** Makes many instances of the one there is, each with a name and a MAC of its own. */
async function multiply(legacy: LegacyFixture): Promise<void> {
  const { paths } = legacy;
  const { folder, macs } = legacy.instance(PATTERN);
  const names = Array.from({ length: INSTANCES }, (_, index) => `box-${index}`);
  for (const path of [paths.instanceRecords, paths.instanceImageRecords]) {
    const records = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    const text = JSON.stringify(records[PATTERN]);
    const copies = names.map((name, index) => {
      const mac = `52:54:00:be:${hex(index >> 8)}:${hex(index & 0xff)}`;
      const own = text.replaceAll(folder, paths.instanceFolder(name)).replaceAll(macs[0], mac);
      return [name, JSON.parse(own) as unknown] as const;
    });
    await writeFile(path, JSON.stringify(Object.fromEntries(copies), null, 4));
  }
  for (const name of names) {
    mkdirSync(paths.instanceFolder(name));
    await cp(folder, paths.instanceFolder(name), { recursive: true });
  }
  await rm(folder, { recursive: true });
}

function hex(value: number): string {
  return value.toString(16).padStart(2, '0');
}
