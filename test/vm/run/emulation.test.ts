import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { noteFindings, readFindings } from '../../../src/vm/run/accelerator-record.js';
import { groupName, newsOfEmulation, wayIn } from '../../../src/vm/run/emulation.js';
import { test } from '../../support/store-fixture.js';

describe('the news of guests that run in software', () => {
  test('is told once in each boot of the host', async ({ store: { layout }, root }) => {
    const device = join(root, 'kvm');
    expect(await newsOfEmulation(layout, device)).toBe(
      `guests run in software here, many times slower: there is no ${device}. Switch on virtualisation in the ` +
        `firmware of this host; where it is a virtual machine itself, nested virtualisation in its hypervisor.`,
    );
    expect(await newsOfEmulation(layout, device)).toBeNull();
    const record = await readFile(layout.acceleratorFile, 'utf8');
    await writeFile(layout.acceleratorFile, record.replace(/"boot": "./, '"boot": "other'));
    expect(await newsOfEmulation(layout, device)).toContain('there is no');
  });

  test('leaves what was found out of the hardware', async ({ store: { layout }, root }) => {
    await noteFindings(layout, { works: false });
    const device = join(root, 'kvm');
    await writeFile(device, '');
    expect(await newsOfEmulation(layout, device)).toContain('a guest comes to no end on it');
    expect(readFindings(layout)).toEqual({ works: false, told: true });
  });

  test('is none where hardware runs guests', async ({ store: { layout }, root }) => {
    await noteFindings(layout, { works: true });
    expect(await newsOfEmulation(layout, join(root, 'kvm'))).toBeNull();
  });

  test('names the group of a device that is closed to us', () => {
    expect(wayIn(groupName(1))).toBe(
      'Join its group (`sudo usermod -aG daemon "$USER"`), and log in anew.',
    );
    const access = 'Have whoever runs this host give you access to it.';
    expect([wayIn(groupName(0)), wayIn(groupName(4_000_000))]).toEqual([access, access]);
  });
});
