import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../src/files/decoder.js';
import { salvageRecords } from '../../src/store/legacy/salvage.js';
import { parseGuestYaml } from '../../src/yaml.js';

const DEEP = 1_000_000;

/** Runs it, and fails when it takes as long as what is quadratic. */
function soon<T>(act: () => T): T {
  const began = process.cpuUsage();
  try {
    return act();
  } finally {
    // Of the processor, whatever else goes on.
    expect(process.cpuUsage(began).user / 1e6).toBeLessThan(8);
  }
}

describe('a record from outside', () => {
  it.each([
    ['lists', '['.repeat(DEEP) + ']'.repeat(DEEP)],
    ['objects', '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP)],
    ['both', '{"a":['.repeat(DEEP) + ']}'.repeat(DEEP)],
  ])('is refused, nested a million deep in %s', (_, text) => {
    expect(() => soon(() => JsonPlace.parse('spec.json', text))).toThrow(
      'cannot read "spec.json": not valid JSON: it is nested more than 64 levels deep',
    );
  });

  it('is salvaged in one pass, though no record of it ends', () => {
    const text = `{\n${'    "name": {\n        "a": [\n'.repeat(200_000)}`;
    expect(soon(() => salvageRecords(text)).records.size).toBe(0);
  });
});

describe('YAML from outside', () => {
  it.each([
    ['flow lists', '['.repeat(DEEP)],
    ['flow mappings', '{a: '.repeat(DEEP)],
    ['lists of lists', `${'- '.repeat(DEEP)}a`],
    ['lists of another document', `a: 1\n---\n${'- '.repeat(DEEP)}a`],
    ['mappings', Array.from({ length: 3000 }, (_, at) => `${' '.repeat(at)}a:`).join('\n')],
  ])('is refused, nested deep in %s', (_, text) => {
    expect(() => soon(() => parseGuestYaml(text))).toThrow('it is nested more than 64 levels deep');
  });

  it.each([
    ['keys', Array.from({ length: 100_000 }, (_, at) => `k${at}: v`).join('\n')],
    ['items', '- v\n'.repeat(100_000)],
    [
      'interfaces',
      `ethernets:\n${Array.from({ length: 20_000 }, (_, at) => `  e${at}: {dhcp4: true, match: {macaddress: "52"}}`).join('\n')}`,
    ],
  ])('is refused with a hundred thousand %s', (_, text) => {
    expect(() => soon(() => parseGuestYaml(text))).toThrow('it has too many keys and values');
  });

  it('is read as deep as anybody nests, and merges many keys soon', () => {
    expect(() => parseGuestYaml(`${'- '.repeat(30)}a`)).not.toThrow();
    const lines = Array.from({ length: 15_000 }, (_, at) => `  k${at}: v`).join('\n');
    expect(() => soon(() => parseGuestYaml(`a: &a\n${lines}\nb:\n  <<: [{x: 1}]\n`))).not.toThrow();
  });

  it('is read with a script of a hundred thousand lines', () => {
    const script = '  line: [{\n'.repeat(100_000);
    expect(() => soon(() => parseGuestYaml(`a: |\n${script}`))).not.toThrow();
  });
});
