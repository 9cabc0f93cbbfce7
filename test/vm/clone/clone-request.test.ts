import { describe, expect, it } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import {
  requirePossible,
  wantedNames,
  type CloneRequest,
} from '../../../src/vm/clone/clone-request.js';

const REQUEST: CloneRequest = { layout: new StoreLayout('/nowhere'), source: 'web' };

const IMPOSSIBLE: readonly [Partial<CloneRequest>, string][] = [
  [{ full: true }, 'only what is cloned with its memory can be renewed in full'],
  [{ live: true, snapshot: 'one' }, 'a snapshot cannot be cloned live'],
  [{ warm: true, cold: true }, 'a clone cannot be warm and cold'],
  ...[{ cpus: 2 }, { memory: '2G' }, { disk: '9G' }].map(
    (overrides): [Partial<CloneRequest>, string] => [
      { warm: true, overrides },
      'a clone that goes on from a memory has the CPUs, the memory and the disk of its source',
    ],
  ),
  [
    { warm: true, overrides: { resetStaticAddresses: true } },
    'the addresses in the network-config are set at a first boot only',
  ],
];

describe('what is asked of a clone', () => {
  it.for(IMPOSSIBLE)('cannot be %o', ([wrong, message]) => {
    expect(() => requirePossible({ ...REQUEST, ...wrong })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }),
    );
  });

  it.for<Partial<CloneRequest>>([
    {},
    { live: true },
    { warm: true, full: true },
    { warm: true, full: true, overrides: { resetStaticAddresses: true } },
  ])('can be %o', (right) => {
    expect(() => requirePossible({ ...REQUEST, ...right })).not.toThrow();
  });

  it('is a name that an instance may have, with its number, too', () => {
    expect(() => wantedNames({ ...REQUEST, name: '-web' })).toThrow(
      expect.objectContaining({ code: 'INVALID_NAME' }),
    );
    expect(() => wantedNames({ ...REQUEST, name: `${'a'.repeat(61)}{n}`, count: 100 })).toThrow(
      expect.objectContaining({ code: 'INVALID_NAME' }),
    );
    expect(wantedNames({ ...REQUEST, name: 'web-{n}', count: 2 })).toEqual(['web-1', 'web-2']);
  });

  it.for([0, -1, 1.5, Number.NaN, 10_001])('is not %d clones', (count) => {
    expect(() => wantedNames({ ...REQUEST, name: 'web-{n}', count })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: `invalid number of clones: ${count}`,
      }),
    );
  });

  it('is as many names as clones, and not one name for several', () => {
    expect(() => wantedNames({ ...REQUEST, name: 'web', count: 2 })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: 'the name "web" has no {n} in it',
      }),
    );
    expect(wantedNames({ ...REQUEST, name: 'web', count: 1 })).toEqual(['web']);
    expect(wantedNames({ ...REQUEST, count: 10_000 })).toHaveLength(10_000);
  });
});
