import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MultipassError } from '../../../src/errors.js';
import { run } from '../../../src/process/run.js';
import { readIso, type IsoImage } from '../../../src/vm/seed/iso9660-reader.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';

const BLOCK = 2048;
const SEED: Readonly<Record<string, string>> = {
  'meta-data': 'instance-id: vm1\n',
  'network-config': `version: 2\n${'# filling\n'.repeat(500)}`,
  'user-data': '',
  'vendor-data': '#cloud-config\n{}\n',
};

let dir: string;
beforeAll(() => (dir = mkdtempSync(join(tmpdir(), 'iso9660-reader-'))));
afterAll(() => rmSync(dir, { recursive: true }));

interface Recipe {
  /** Program and options. */
  readonly tool: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

/** The image that a tool makes of these files. */
async function make({ tool, files = SEED, folder }: Recipe): Promise<Buffer> {
  const [program = '', ...options] = tool.split(' ');
  const work = mkdtempSync(join(dir, 'make-'));
  const root = join(work, 'root');
  mkdirSync(root);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, name), text);
  if (folder !== undefined) mkdirSync(join(root, folder));
  const iso = join(work, 'image.iso');
  await run(program, [...options, '-quiet', '-volid', 'cidata', '-o', iso, root]);
  return readFileSync(iso);
}

function textsOf({ files }: IsoImage): Record<string, string> {
  return Object.fromEntries(files.map(({ name, data }) => [name, data.toString()]));
}

/** What to expect of images without long names. */
function shortened(files: Readonly<Record<string, string>>): Record<string, string> {
  const short = (name: string): string => name.slice(0, 8).replace('-', '_');
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [short(name), text]));
}

const MANY = Object.fromEntries(
  Array.from({ length: 150 }, (_, index) => [`${index}-${'x'.repeat(50)}`, `file ${index}`]),
);

describe('readIso', () => {
  it.each([
    'genisoimage -joliet -rock',
    'genisoimage -joliet',
    'genisoimage -rock',
    'xorriso -as mkisofs -joliet -rock',
    'xorriso -as mkisofs --norock -joliet',
    'xorriso -as mkisofs -rock',
  ])('reads the long names of %s', async (tool) => {
    const image = readIso(await make({ tool, folder: 'sub-folder' }), 'x.iso');
    expect(textsOf(image)).toEqual(SEED);
    expect(image).toMatchObject({ volumeId: 'cidata', directories: ['sub-folder'] });
  });

  it.each(['genisoimage', 'xorriso -as mkisofs --norock'])(
    'reads the plain names of %s',
    async (tool) => {
      const image = readIso(await make({ tool, folder: 'sub' }), 'x.iso');
      expect(textsOf(image)).toEqual(shortened(SEED));
      expect(image).toMatchObject({ volumeId: 'cidata', directories: ['sub'] });
    },
  );

  it.each([
    'genisoimage -joliet',
    'genisoimage -rock',
    'xorriso -as mkisofs -joliet',
    'xorriso -as mkisofs -rock',
  ])('reads a directory of several blocks of %s', async (tool) => {
    expect(textsOf(readIso(await make({ tool, files: MANY }), 'x.iso'))).toEqual(MANY);
  });

  it.each(['genisoimage -rock', 'xorriso -as mkisofs -rock'])(
    'reads a Rock Ridge name of %s that goes on elsewhere',
    async (tool) => {
      const files = { [`${'very-'.repeat(48)}long`]: 'one', short: 'two' };
      expect(textsOf(readIso(await make({ tool, files }), 'x.iso'))).toEqual(files);
    },
  );

  it('takes the versions off Joliet names', async () => {
    const tool = 'xorriso -compliance only_iso_version_off -as mkisofs -joliet';
    const image = await make({ tool });
    expect(image.includes(Buffer.from('\0-\0d\0a\0t\0a\0;\x001', 'latin1'))).toBe(true);
    expect(textsOf(readIso(image, 'x.iso'))).toEqual(SEED);
  });

  it('finds Joliet behind a boot record', async () => {
    const files = { ...SEED, 'boot-image': 'x'.repeat(BLOCK) };
    const tool = 'genisoimage -joliet -eltorito-boot boot-image -no-emul-boot -c boot-catalog';
    const image = await make({ tool, files });
    expect(image[17 * BLOCK]).toBe(0);
    expect(textsOf(readIso(image, 'x.iso'))).toMatchObject(files);
  });

  it.each(['%/@', '%/C', '%/E'])('knows Joliet by its escape sequence %s', (escape) => {
    const image = seedImage();
    image.write(escape, 17 * BLOCK + 88, 'latin1');
    expect(textsOf(readIso(image, 'x.iso'))).toEqual(SEED);
  });

  it('passes over a supplementary volume that is not Joliet', () => {
    const image = seedImage();
    image.write('%/A', 17 * BLOCK + 88, 'latin1');
    expect(textsOf(readIso(image, 'x.iso'))).toEqual(shortened(SEED));
  });
});

function seedImage(): Buffer {
  return writeIso(Object.entries(SEED).map(([name, text]) => ({ name, data: Buffer.from(text) })));
}

/** The beginning of the record of the first file, in the Joliet directory. */
const FIRST_RECORD = 22 * BLOCK + 2 * 34;

describe('readIso, of a damaged image', () => {
  it.each<[string, (image: Buffer) => unknown]>([
    ['no volume descriptor in block 16', (image) => image.fill(0, 16 * BLOCK, 17 * BLOCK)],
    ['no volume descriptor in block 19', (image) => (image[18 * BLOCK] = 0)],
    ['no primary volume', (image) => (image[16 * BLOCK] = 3)],
    ['blocks are not of 2048 bytes', (image) => image.writeUInt16LE(512, 17 * BLOCK + 128)],
    ['is no directory', (image) => (image[17 * BLOCK + 156 + 25] = 0)],
    ['root directory would be', (image) => image.writeUInt32LE(2 ** 32 - 1, 17 * BLOCK + 158)],
    ['root directory would be', (image) => image.writeUInt32LE(2 ** 32 - 1, 17 * BLOCK + 166)],
    ['does not begin with itself', (image) => (image[22 * BLOCK] = 0)],
    ['record is malformed', (image) => image.writeUInt32LE(2 * 34 + 51, 17 * BLOCK + 166)],
    ['record is malformed', (image) => (image[FIRST_RECORD] = 33)],
    ['record is malformed', (image) => (image[FIRST_RECORD + 32] = 200)],
    ['name is malformed', (image) => (image[FIRST_RECORD + 32] = 17)],
    ['has no name', (image) => image.writeUInt32BE(0x003b0031, nameOfLength(image, 4))],
    ['"user-data" is in it twice', (image) => renameFirst(image, 'user-data')],
    ['"meta-data" would be', (image) => image.writeUInt32LE(4000, FIRST_RECORD + 2)],
    ['"meta-data" would be', (image) => image.writeUInt32LE(2 ** 31, FIRST_RECORD + 10)],
    ['"meta-data" has several extents', (image) => (image[FIRST_RECORD + 25] = 0x80)],
    ['"meta-data" is interleaved', (image) => (image[FIRST_RECORD + 26] = 1)],
  ])('says: %s', (problem, damage) => {
    const image = seedImage();
    damage(image);
    expect(() => readIso(image, '/seeds/x.iso')).toThrow(
      expect.objectContaining({
        code: 'ISO_INVALID',
        message: expect.stringMatching(
          new RegExp(`^cannot read "/seeds/x.iso" as an ISO 9660 image: .*${problem}`),
        ) as string,
        details: { path: '/seeds/x.iso' },
      }),
    );
  });

  it('refuses a symbolic link, which would read as an empty file', async () => {
    const image = await make({ tool: 'genisoimage -rock' });
    image.write('SL', image.indexOf('NM', 18 * BLOCK, 'latin1'), 'latin1');
    expect(() => readIso(image, 'x.iso')).toThrow('it has a symbolic link');
  });

  it.each([
    ['a Rock Ridge field is malformed', 0],
    ['a Rock Ridge field is malformed', 255],
    ['a Rock Ridge continuation is malformed', 27],
  ])('says: %s (length %i)', async (problem, length) => {
    const files = { [`${'very-'.repeat(48)}long`]: '' };
    const image = await make({ tool: 'genisoimage -rock', files });
    image[image.lastIndexOf('CE\x1c\x01', undefined, 'latin1') + 2] = length;
    expect(() => readIso(image, 'x.iso')).toThrow(problem);
  });

  it('refuses a Rock Ridge record that continues in a circle', async () => {
    const files = { [`${'very-'.repeat(48)}long`]: '' };
    const image = await make({ tool: 'genisoimage -rock', files });
    const field = image.lastIndexOf('CE\x1c\x01', undefined, 'latin1');
    const area = image.readUInt32LE(field + 4) * BLOCK + image.readUInt32LE(field + 12);
    image.copy(image, area, field, field + 28);
    image.writeUInt32LE(28, field + 20);
    image.writeUInt32LE(28, area + 20);
    expect(() => readIso(image, 'x.iso')).toThrow('a Rock Ridge record has no end');
  });

  it('reads all of it or refuses, wherever it is cut off', () => {
    const image = seedImage();
    const whole = readIso(image, 'x.iso');
    fc.assert(
      fc.property(fc.nat(image.length), (length) => {
        const found = readOrRefuse(image.subarray(0, length));
        expect(found ?? whole).toEqual(whole);
        // The last file ends in the last block.
        if (length <= image.length - BLOCK) expect(found).toBeUndefined();
      }),
    );
  });

  it.each(['genisoimage -joliet', 'genisoimage -rock', 'genisoimage', 'xorriso -as mkisofs -rock'])(
    'reads or refuses, and nothing else, whatever bytes are wrong: %s',
    async (tool) => {
      const files = { [`${'very-'.repeat(48)}long`]: 'x', 'user-data': 'y' };
      const image = (await make({ tool, files })).subarray(0, 60 * BLOCK);
      const used = [...image.keys()].filter((at) => at >= 16 * BLOCK && image[at] !== 0);
      const damage = fc.array(fc.tuple(fc.constantFrom(...used), fc.nat(255)), { minLength: 1 });
      fc.assert(
        fc.property(damage, (changes) => {
          const damaged = Buffer.from(image);
          for (const [at, byte] of changes) damaged[at] = byte;
          readOrRefuse(damaged);
        }),
        { numRuns: 500 },
      );
    },
  );

  it('reads or refuses, and nothing else, when everything behind the descriptors is random', () => {
    const noise = fc.uint8Array({ minLength: 4 * BLOCK, maxLength: 4 * BLOCK });
    fc.assert(
      fc.property(noise, (bytes) => {
        const image = seedImage();
        image.set(bytes, 21 * BLOCK);
        readOrRefuse(image);
      }),
    );
  });
});

/** Undefined when it refuses in the one way that it may. */
function readOrRefuse(image: Buffer): IsoImage | undefined {
  try {
    return readIso(image, 'x.iso');
  } catch (error) {
    expect(error).toBeInstanceOf(MultipassError);
    expect(error).toMatchObject({ code: 'ISO_INVALID' });
    return undefined;
  }
}

/** Shortens the name of the first file; returns where it is. */
function nameOfLength(image: Buffer, length: number): number {
  image[FIRST_RECORD + 32] = length;
  return FIRST_RECORD + 33;
}

function renameFirst(image: Buffer, name: string): void {
  Buffer.from(name, 'utf16le')
    .swap16()
    .copy(image, FIRST_RECORD + 33);
}
