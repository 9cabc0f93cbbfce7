import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPyYaml } from '../../../../src/vm/seed/py-yaml/check.js';
import { pyYaml } from '../../../support/py-yaml.js';
import { yamlTexts } from '../../../support/py-yaml-texts.js';

const CORPUS = ['cloud-config.yaml', 'network-config.yaml', 'styles.yaml'].map((file) =>
  readFileSync(join(import.meta.dirname, 'corpus', file), 'utf8'),
);

/** Thousands with `npm run test:all`. */
const RUNS = process.env['MULTIPASS_TEST_ALL'] === '1' ? 60_000 : 1_500;

const verdict = (text: string): string => {
  try {
    checkPyYaml(text);
    return 'taken';
  } catch (error) {
    expect((error as Error).message).toMatch(/ at line [0-9]+, column [0-9]+$/);
    return 'refused';
  }
};

const pyVerdict = async (text: string): Promise<string> =>
  await pyYaml(text).then(
    () => 'taken',
    () => 'refused',
  );

describe('checkPyYaml', () => {
  it.each(CORPUS)('takes a file as people write them: %#', async (text) => {
    expect(await pyVerdict(text)).toBe('taken');
    expect(verdict(text)).toBe('taken');
  });

  it.each([
    'a: !!timestamp 2000-02-29 23:59:59.5 -23:59\nb: !!timestamp "2001-1-1"\n',
    'a: !!timestamp 1900-02-29\n',
    'a: 2001-01-01 00:00:00 +24:00\n',
    'a: !!int 0o17\nb: !!int " -12 "\nc: !!int 1:2:3\nd: !!int "٣"\n',
    'a: 0b_\n',
    'a: 0x_\n',
    `a: ${'1'.repeat(4301)}\n`,
    'a: !!float 1e5\nb: !!float infinity\nc: -.INF\nd: 1:20.5\n',
    'a: !!bool y\n',
    'a: ! "yes"\nb: ! |\n  text\n',
    'a: ! |\n  yes\n',
    'a: !!binary "aGk="\nb: !!binary "a?G k=="\n',
    'a: !!binary a\n',
    'a: !!binary "=a"\n',
    'a: !!set { b, c }\nd: !!omap [ e: 1 ]\nf: !!pairs [ g: 1, g: 2 ]\n',
    'a: !!omap [ { b: 1, c: 2 } ]\n',
    'a: !!str {=: b}\n=: c\n',
    'b: &a =\n*a : 1\n',
    'a: &a =\nb: { *a : 1 }\n',
    'a: <<\n',
    'a: &a { <<: *a, b: 1 }\n',
    'a: &a { b: 1 }\nc: { <<: [ *a, *a ], <<: *a }\n',
    'a: &a [ *a ]\n',
    '? |\n  long\n: - a\n  - b\n',
    '- - - a\n    - b\n',
    'a:\n- b\n- c\nd: e\n',
    `{ ${'k'.repeat(1024)}: 1 }\n`,
    `{ ${'k'.repeat(1025)}: 1 }\n`,
    `? ${'k'.repeat(2000)}\n: 1\n`,
    '"a\n b": 1\n',
    '{ "a\n b": 1 }\n',
    '%TAG !e! tag:yaml.org,2002:\n--- !e!map\na: !e!int 1\n...\n',
    'a: !e!int 1\n',
    '%FOO bar\n---\na: 1\n',
    'a: "\\ud800"\n',
    'a: "\\U00110000"\n',
    'a: \u{1f600}\n\u{1f600}: [ ä ]\n',
    '',
    '---\n',
    '...\n',
    '--- a\n...\n...\n',
  ])('is of one mind with PyYAML: %j', async (text) => {
    expect(verdict(text)).toBe(await pyVerdict(text));
  });

  it('is of one mind with PyYAML about whatever is written', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(yamlTexts(CORPUS), async (text) => {
        const theirs = await pyVerdict(text);
        expect(verdict(text)).toBe(theirs);
        if (theirs === 'taken') taken += 1;
      }),
      { numRuns: RUNS },
    );
    // Were all refused, or all taken, nothing would be compared.
    expect(taken).toBeGreaterThan(RUNS / 20);
    expect(taken).toBeLessThan(RUNS / 2);
  }, 600_000);

  it('refuses what is in each other beyond all measure, and takes what is not', () => {
    const nested = (depth: number): string => `a: ${'['.repeat(depth)}${']'.repeat(depth)}\n`;
    expect(verdict(nested(399))).toBe('taken');
    expect(() => checkPyYaml(nested(100_000))).toThrow('more than 400 lists and mappings');
    const block = Array.from({ length: 500 }, (_, at) => `${' '.repeat(at)}a:\n`).join('');
    expect(() => checkPyYaml(block)).toThrow('more than 400 lists and mappings');
    const bomb = Array.from(
      { length: 30 },
      (_, n) => `m${n + 1}: &m${n + 1} {<<: [*m${n}, *m${n}]}`,
    );
    expect(() => checkPyYaml(['m0: &m0 {a: 1}', ...bomb].join('\n'))).toThrow('too much');
  });

  it('reads a large text in time', () => {
    const text = Array.from({ length: 100_000 }, (_, at) => `key${at}: "value ${at}"\n`).join('');
    const began = performance.now();
    expect(verdict(text)).toBe('taken');
    expect(performance.now() - began).toBeLessThan(20_000);
  });
});
