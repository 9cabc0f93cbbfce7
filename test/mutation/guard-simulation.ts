import { SWITCHES } from './switchboard.js';

/** The test of a workshop that simulates commands with a guard off. */
export const SIMULATION_TEST = 'test/simulation/guard-off.test.ts';

/** What `npm test` tries, and half as many again: what a power cut leaves of what was not synced is rarely looked at. */
const SEEDS = 300;

/** The switches, as a process of the simulation has them: which guard is off is told from outside of its world. */
const SWITCHES_INSIDE = `
import { copyFile, lstat, mkdir, readdir, rm } from 'node:fs/promises';
export const off = (id) => globalThis.isGuardOff(id);
export async function renameInSteps(from, to) {
  await copyInSteps(from, to);
  await rm(from, { recursive: true, force: true });
}
export async function copyInSteps(from, to) {
  if (!(await lstat(from)).isDirectory()) return await copyFile(from, to);
  await mkdir(to);
  for (const name of await readdir(from)) await copyInSteps(from + '/' + name, to + '/' + name);
}
`;

/** Its text. It ends at the first seed that finds something. */
export const SIMULATION_TEXT = `// @ts-nocheck
import { expect, it } from 'vitest';
import { off } from '../../${SWITCHES.replace(/\.ts$/, '.js')}';
import { simulateMany, told } from './simulate-many.js';
import { Loadable } from './world/product.js';

globalThis.isGuardOff = off;
it('holds in any commands at once, killed and without power', { timeout: 600_000 }, async () => {
  const change = () => ${JSON.stringify(SWITCHES_INSIDE)};
  const product = await Loadable.build({ file: '${SWITCHES}', change });
  for (let seed = 1; seed <= ${SEEDS}; seed += 1)
    expect(told(await simulateMany({ from: seed, count: 1, product }))).toEqual([]);
});
`;
