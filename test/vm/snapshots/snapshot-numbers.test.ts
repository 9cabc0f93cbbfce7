import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isValidName } from '../../../src/vm/names.js';
import { firstFreeSnapshotName, nextIndex } from '../../../src/vm/snapshots/snapshot-numbers.js';

const indexes = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 20 });
const names = fc.uniqueArray(
  fc.oneof(
    fc.integer({ min: 0, max: 12 }).map((number) => `snapshot${number}`),
    fc.constantFrom('Snapshot1', 'snapshot01', 'a'),
  ),
);

function diskWith(tags: readonly string[]): Parameters<typeof nextIndex>[1] {
  return { snapshots: tags.map((name) => ({ id: '1', name, vmStateSize: 0, diskSize: 1 })) };
}

describe('the index of a new snapshot', () => {
  it('is above all, is of no tag in the disk, and wastes no number without such a reason', () => {
    fc.assert(
      fc.property(indexes, indexes, (recorded, tagged) => {
        const records = recorded.map((index) => ({ index }));
        const disk = diskWith(['suspend', 'mine', ...tagged.map((index) => `@s${index}`)]);
        const index = nextIndex(records, disk);
        expect(tagged).not.toContain(index);
        expect(index).toBeGreaterThan(Math.max(0, ...recorded));
        for (let lower = Math.max(0, ...recorded) + 1; lower < index; lower += 1) {
          expect(tagged).toContain(lower);
        }
      }),
    );
  });

  it('is 9999 at most', () => {
    expect(nextIndex([{ index: 9998 }], diskWith([]))).toBe(9999);
    expect(() => nextIndex([{ index: 9999 }], diskWith([]))).toThrow('up to 9999');
    expect(() => nextIndex([{ index: 9998 }], diskWith(['@s9999']))).toThrow('up to 9999');
  });
});

describe('the name of a new snapshot', () => {
  it('is the first free one', () => {
    fc.assert(
      fc.property(names, (taken) => {
        const name = firstFreeSnapshotName(taken.map((one) => ({ name: one })));
        expect(isValidName(name)).toBe(true);
        expect(taken).not.toContain(name);
        const number = Number(/^snapshot([1-9][0-9]*)$/.exec(name)![1]);
        for (let lower = 1; lower < number; lower += 1) expect(taken).toContain(`snapshot${lower}`);
      }),
    );
  });
});
