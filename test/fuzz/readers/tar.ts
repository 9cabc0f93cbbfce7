import { TAR_BLOCK, tarHeader } from '../../../src/files/tar/tar-header.js';
import { sumOf } from '../../../src/files/tar/tar-fields.js';
import { TarReader } from '../../../src/files/tar/tar-reader.js';
import { MultipassError } from '../../../src/errors.js';
import { TarMembers } from '../../../src/vm/foreign/tar-members.js';
import { recogniseFile } from '../../../src/vm/foreign/recognise.js';
import { Work } from '../../../src/work.js';
import { madeBy } from '../real-files.js';
import { reader } from '../reader.js';

const FILES =
  'printf hello > a; mkdir d; head -c 2000 /dev/urandom > d/b; truncate -s 100k s; printf x >> s; ' +
  'name=$(printf "%0150d" 7); printf y > $name;';

function tarSamples(): Buffer[] {
  const made = ['ustar', 'v7', 'gnu', 'posix', 'gnu -S'].flatMap((format) => {
    const long = /^(?:gnu|posix)/.test(format) ? '$name' : '';
    return madeBy(`${FILES} tar -cf 1.tar --format=${format} a d s ${long}`, '1.tar');
  });
  const own = [
    tarHeader({ name: 'oci-layout', size: 3, kind: 'file' }),
    Buffer.from('abc'.padEnd(TAR_BLOCK, '\0')),
    Buffer.alloc(2 * TAR_BLOCK),
  ];
  return [...made.map(trimmed), Buffer.concat(own)];
}

/** Without most of the zeros at its end, which would be changed more often than what it has. */
function trimmed(archive: Buffer): Buffer {
  let end = archive.length;
  while (end > 0 && archive[end - 1] === 0) end -= 1;
  return archive.subarray(0, Math.ceil(end / TAR_BLOCK) * TAR_BLOCK + 2 * TAR_BLOCK);
}

/** Puts right the sums of headers: what is wrong with nothing else would be all that is ever found. */
function withSums(input: Buffer): Buffer {
  const mended = Buffer.from(input);
  for (let at = 0; at + TAR_BLOCK <= mended.length; at += TAR_BLOCK) {
    const block = mended.subarray(at, at + TAR_BLOCK);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.write(`${sumOf(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return mended;
}

const unfit = (problem: string): Error =>
  new MultipassError('ARTIFACT_INVALID', problem, { hint: 'none' });

async function* inPieces(data: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += 700)
    yield await Promise.resolve(data.subarray(at, at + 700));
}

export const tar = [
  reader({
    name: 'tar-stream',
    grammar: 'bytes',
    samples: tarSamples,
    mend: withSums,
    read: async (input) => {
      const stream = new TarReader(inPieces(input), { unfit, limits: { entries: 100 } });
      const sizes: [number, number][] = [];
      for (let entry = await stream.next(); entry !== undefined; entry = await stream.next()) {
        let length = 0;
        for await (const piece of stream.pieces()) length += piece.length;
        sizes.push([entry.size, length]);
      }
      return sizes;
    },
    problem: (sizes) =>
      sizes.every(([said, found]) => said === found) ? undefined : 'another size',
  }),
  reader({
    name: 'tar-members',
    grammar: 'bytes',
    opens: true,
    samples: tarSamples,
    mend: withSums,
    read: async (input, place) => {
      const path = place.file('archive', input);
      const work = Work.of({});
      await using members = await TarMembers.open({
        path,
        origin: 'x.tar',
        folder: place.folder,
        work,
      });
      const lengths: [number, number, string][] = [];
      for (const name of members.names) {
        const size = members.size(name);
        if (size < 1024 ** 2)
          lengths.push([size, (await members.read(name, 1024 ** 2)).length, name]);
      }
      return lengths;
    },
    problem: (lengths) =>
      lengths.every(
        ([said, found, name]) => said === found && !/^\/|(?:^|\/)\.\.(?:\/|$)|\0/.test(name),
      )
        ? undefined
        : 'another size, or a name that leads out',
  }),
  reader({
    name: 'foreign-file',
    share: 0.3,
    grammar: 'bytes',
    opens: true,
    samples: () => [
      ...tarSamples(),
      ...madeBy(`${FILES} tar -czf 1.tar.gz a d; gzip -k a`, '1.tar.gz', 'a.gz'),
    ],
    mend: withSums,
    read: async (input, place) => {
      // What xz and zstd unpack is for their own fuzzers: a process each would be all that is measured here.
      if (/^(?:\xfd7zXZ|\x28\xb5\x2f\xfd)/.test(input.toString('latin1', 0, 8)))
        throw unfit('packed');
      const path = place.file('in/machine', input);
      place.file('staging/x', Buffer.alloc(0));
      const folder = `${place.folder}/staging`;
      return await recogniseFile({ path, origin: 'machine', folder, work: Work.of({}) });
    },
  }),
];
