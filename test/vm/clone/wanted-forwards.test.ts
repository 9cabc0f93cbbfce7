import { describe, expect, it } from 'vitest';
import { wantedForwards } from '../../../src/vm/clone/wanted-forwards.js';
import { MOST_FORWARDS } from '../../../src/vm/records/forward.js';

const texts = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${10_000 + index}:80`);

describe('the forwards that clones are asked to have', () => {
  it('are as many as an instance may have', () => {
    expect(wantedForwards({ forwards: texts(MOST_FORWARDS) }, 1)[0]).toHaveLength(MOST_FORWARDS);
    expect(() => wantedForwards({ forwards: texts(MOST_FORWARDS + 1) }, 1)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it('have ports of their own, each and all of them', () => {
    const ports = wantedForwards({ forwards: ['8080+{n}:80'], count: 3 }, 3).map(
      ([forward]) => forward?.hostPort,
    );
    expect(ports).toEqual([8081, 8082, 8083]);
    for (const [forwards, copies] of [
      [['8080:80', '8080:81'], 1],
      [['8080:80'], 2],
    ] as const) {
      expect(() => wantedForwards({ forwards, count: copies }, copies)).toThrow(
        expect.objectContaining({ code: 'PORT_TAKEN' }),
      );
    }
  });
});
