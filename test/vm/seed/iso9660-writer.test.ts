import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readIso, type IsoFile } from '../../../src/vm/seed/iso9660-reader.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';

let dir: string;
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'iso9660-writer-'))));
afterEach(() => rmSync(dir, { recursive: true }));

const file = (name: string, content: string | Buffer = ''): IsoFile => ({
  name,
  data: Buffer.from(content),
});

/** What Multipass's own writer was given to make the image with the hash below. */
const GOLDEN_FILES = [
  file(
    'meta-data',
    '#cloud-config\ninstance-id: vm1\nlocal-hostname: vm1\ncloud-name: multipass\n',
  ),
  file('vendor-data', '#cloud-config\ngrowpart:\n  mode: auto\n'),
  file('user-data', '#cloud-config\n{}\n'),
  file(
    'network-config',
    `#cloud-config
version: 2
ethernets:
  eth0:
    match:
      macaddress: "52:54:00:56:78:90"
    dhcp4: true
    dhcp-identifier: mac
    set-name: eth0
`,
  ),
];
const GOLDEN_SHA256 = '36bb3c1566703a0d832208d0027295a4d55b656b531e70fcc099f07120231331';

/** Sizes around the ends of blocks, and every byte value. */
const AWKWARD_FILES = [0, 1, 2047, 2048, 2049, 5000, 0].map((size, index) =>
  file(`file-${index}`, Buffer.from(Array.from({ length: size }, (_, at) => (at * 7) % 256))),
);

/** Enough records of the longest names to fill several blocks of either directory. */
const MANY_FILES = Array.from({ length: 150 }, (_, index) =>
  file(`${String(index).padStart(3, '0')}-${'x'.repeat(60)}`, `content of ${index}`),
);

function save(image: Buffer): string {
  const path = join(dir, 'image.iso');
  writeFileSync(path, image);
  return path;
}

async function extractWithXorriso(image: Buffer, names: readonly string[]): Promise<IsoFile[]> {
  const sources = names.map((name) => `/${name}`);
  await run('xorriso', ['-indev', save(image), '-osirrox', 'on', '-cpx', ...sources, dir]);
  return names.map((name) => ({ name, data: readFileSync(join(dir, name)) }));
}

async function listWithIsoinfo(image: Buffer, ...options: string[]): Promise<string[]> {
  const { stdout } = await run('isoinfo', ['-i', save(image), '-f', ...options]);
  return stdout.split('\n').map((line) => line.slice(1));
}

describe('writeIso', () => {
  it('makes the very bytes that Multipass makes', () => {
    const image = writeIso(GOLDEN_FILES);
    expect(image.length).toBe(27 * 2048);
    expect(createHash('sha256').update(image).digest('hex')).toBe(GOLDEN_SHA256);
  });

  it.each([
    ['a seed', GOLDEN_FILES],
    ['files that end around the ends of blocks', AWKWARD_FILES],
    ['a directory of several blocks', MANY_FILES],
  ])('is read back by xorriso: %s', async (_, files) => {
    const names = files.map(({ name }) => name);
    expect(await extractWithXorriso(writeIso(files), names)).toEqual(files);
  });

  it.each([
    ['a seed', GOLDEN_FILES],
    ['a directory of several blocks', MANY_FILES],
  ])('shows isoinfo the names of %s in their order', async (_, files) => {
    expect(await listWithIsoinfo(writeIso(files), '-J')).toEqual(files.map(({ name }) => name));
  });

  it('is read by isoinfo by the names that Multipass gives to the primary volume', async () => {
    const image = writeIso(GOLDEN_FILES);
    const { stdout } = await run('isoinfo', ['-i', save(image), '-x', '/META_DAT.;1']);
    expect(`${stdout}\n`).toBe(GOLDEN_FILES[0]?.data.toString());
  });

  it('gives files with equal beginnings different ids in the primary volume', async () => {
    const names = ['user-data', 'user_data', 'user_da1', 'user-da1', 'user-dat.yaml'];
    const ids = await listWithIsoinfo(writeIso(names.map((name) => file(name))));
    expect(ids).toEqual([
      'USER_DAT.;1',
      'USER_DA1.;1',
      'USER_DA2.;1',
      'USER_DA3.;1',
      'USER_DA4.;1',
    ]);
  });

  it('gives 150 files with equal beginnings different ids in the primary volume', async () => {
    const files = MANY_FILES.map(({ name, data }) => ({ name: `same-${name.slice(0, 59)}`, data }));
    expect(new Set(await listWithIsoinfo(writeIso(files))).size).toBe(150);
  });

  it('keeps the whole volume id in the primary volume, and 16 characters of it in Joliet', () => {
    const volumeId = 'a-label-of-exactly-32-characters';
    const image = writeIso(GOLDEN_FILES, volumeId);
    expect(readIso(image, 'x.iso').volumeId).toBe(volumeId);
    const joliet = Buffer.from(image.subarray(17 * 2048 + 40, 17 * 2048 + 80)).swap16();
    expect(joliet.toString('utf16le')).toBe(`${volumeId.slice(0, 16)}\0\0\0\0`);
  });

  it('reads back as it was, whatever the names and the data', () => {
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 64 })
      .filter((text) => text.length <= 64 && !/^\.{1,2}$|[*/:;?\\]|\p{Cc}/u.test(text));
    const files = fc.uniqueArray(
      fc.record({ name, data: fc.uint8Array({ maxLength: 3000 }).map((it) => Buffer.from(it)) }),
      { selector: (it) => it.name, maxLength: 40 },
    );
    fc.assert(
      fc.property(files, fc.stringMatching(/^[!-~]{0,32}$/), (given, volumeId) => {
        const image = writeIso(given, volumeId);
        expect(readIso(image, 'x.iso')).toEqual({ volumeId, files: given, directories: [] });
      }),
    );
  });

  it.each([
    ['longer than 64 characters', 'x'.repeat(65)],
    ['longer than 64 characters', '\u{1F427}'.repeat(33)],
    ['a file has no name', ''],
    ['forbids the name', 'a/b'],
    ['forbids the name', 'user-data;1'],
    ['forbids the name', 'new\nline'],
    ['forbids the name', '\uD83D'],
    ['forbids the name', '..'],
    ['given twice', 'taken'],
  ])('refuses a name: %s (%j)', (problem, name) => {
    expect(() => writeIso([file('taken'), file(name)])).toThrow(
      expect.objectContaining({
        code: 'ISO_INVALID',
        message: expect.stringContaining(problem) as string,
      }),
    );
  });

  it.each(['x'.repeat(33), 'naïve', 'two\nlines'])('refuses the volume id %j', (volumeId) => {
    expect(() => writeIso([], volumeId)).toThrow(expect.objectContaining({ code: 'ISO_INVALID' }));
  });
});
