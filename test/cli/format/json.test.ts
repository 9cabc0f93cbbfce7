import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatJson, formatSortedJson } from '../../../src/cli/format/json.js';
import type { PlainData } from '../../../src/cli/format/plain-data.js';

const plainData = fc.jsonValue() as fc.Arbitrary<PlainData>;

describe('formatJson', () => {
  it('indents by four, and opens empty arrays and objects over two lines', () => {
    expect(formatJson({ b: [], a: { x: {}, y: ['1', 2, true, null] } })).toBe(
      `{
    "b": [
    ],
    "a": {
        "x": {
        },
        "y": [
            "1",
            2,
            true,
            null
        ]
    }
}
`,
    );
  });

  it('says what JSON.stringify says', () => {
    fc.assert(
      fc.property(plainData, (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(formatJson(value))).toEqual(expected);
        expect(JSON.parse(formatSortedJson(value))).toEqual(expected);
      }),
    );
  });
});

describe('formatSortedJson', () => {
  it('sorts the keys of every object and leaves arrays as they are', () => {
    expect(formatSortedJson({ b: ['z', 'a'], a: { d: 1, c: 2 } })).toBe(
      `{
    "a": {
        "c": 2,
        "d": 1
    },
    "b": [
        "z",
        "a"
    ]
}
`,
    );
  });
});
