import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deleteInOrder,
  FAMILY,
  familyTemplate,
  ordersOf,
  type FamilyTemplate,
} from './deletions.js';

let template: FamilyTemplate;

beforeAll(async () => {
  template = await familyTemplate();
});
afterAll(() => rm(template.root, { recursive: true, force: true }));

describe('a family of linked clones that is deleted', () => {
  // Each of them is first, and last, with many orders between; all 720: deletions.long.ts.
  it('in some orders loses no byte of those that are left', async () => {
    const orders = ordersOf(FAMILY);
    expect(orders).toHaveLength(720);
    const some = orders.filter((_, at) => at % 23 === 0);
    expect(new Set(some.map((order) => order[0])).size).toBe(FAMILY.length);
    expect(new Set(some.map((order) => order.at(-1))).size).toBe(FAMILY.length);
    for (const order of some) await deleteInOrder(template, order);
  }, 300_000);
});
