import { readIso } from '../../../src/vm/seed/iso9660-reader.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';
import { madeBy } from '../real-files.js';
import { reader } from '../reader.js';
import { packSparse, unpackSparse } from '../sparse.js';

const FILES =
  "mkdir f; printf 'instance-id: a\\n' > f/meta-data; printf '#cloud-config\\n' > f/user-data;";

/** Seeds as xorriso, genisoimage and we write them. */
function isoSamples(): Buffer[] {
  const made = [
    'xorriso -as mkisofs -quiet -V cidata -J -R -o 1.iso f',
    'xorriso -as mkisofs -quiet -V cidata -R -o 1.iso f',
    'genisoimage -quiet -V cidata -J -r -o 1.iso f',
    'genisoimage -quiet -V cidata -o 1.iso f',
  ].flatMap((script) => madeBy(`${FILES} ${script}`, '1.iso'));
  const own = writeIso([
    { name: 'meta-data', data: Buffer.from('instance-id: a\n') },
    { name: 'network-config', data: Buffer.alloc(3000, 'x') },
  ]);
  return [...made, own].map(packSparse);
}

export const iso = [
  reader({
    name: 'iso',
    grammar: 'bytes',
    samples: isoSamples,
    read: (input) => readIso(unpackSparse(input), 'seed.iso'),
    problem: ({ files, directories }) => {
      const names = [...files.map(({ name }) => name), ...directories];
      return new Set(names).size === names.length && !names.includes('')
        ? undefined
        : 'names that are none';
    },
  }),
];
