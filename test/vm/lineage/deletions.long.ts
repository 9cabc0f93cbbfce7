import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
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
  for (const first of FAMILY) {
    const rest = FAMILY.filter((member) => member !== first);
    it(`in every order that begins with ${first} loses no byte of those that are left`, async () => {
      for (const order of ordersOf(rest)) await deleteInOrder(template, [first, ...order]);
    }, 1_800_000);
  }
});
