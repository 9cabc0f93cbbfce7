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
});
