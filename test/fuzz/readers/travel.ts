import { isDeepStrictEqual } from 'node:util';
import { readPaxText, paxText } from '../../../src/files/tar/pax-records.js';
import { chunkHint, readChunkHint } from '../../../src/vm/travel/chunk-hint.js';
import { decodeIndex, decodeManifest, encodeManifest } from '../../../src/vm/travel/manifest.js';
import { decodeTravelConfig, encodeTravelConfig } from '../../../src/vm/travel/travel-config.js';
import {
  decodeIndex as streamIndex,
  decodeManifest as streamManifest,
} from '../../../src/vm/images/simplestreams.js';
import { JsonPlace } from '../../../src/files/decoder.js';
import { reader, texts } from '../reader.js';
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/registry/media-types.js';
import { INSTANCE_TYPE } from '../../../src/vm/travel/media-types.js';
import { CONFIG, DIGEST, MANIFEST, STREAM_INDEX, STREAM_MANIFEST } from './travel-samples.js';

export const travel = [
  reader({
    name: 'travel-manifest',
    grammar: 'json',
    samples: () => texts(MANIFEST),
    read: (input) => decodeManifest(input, 'web.mp'),
    problem: (manifest) => {
      const title = { title: 'web', created: 'x', virtualSize: 1 };
      const again = decodeManifest(encodeManifest(manifest, title), 'web.mp');
      return isDeepStrictEqual(again, manifest) ? undefined : 'it is another once it was written';
    },
  }),
  reader({
    name: 'travel-index',
    grammar: 'json',
    samples: () =>
      texts({
        schemaVersion: 2,
        mediaType: OCI_INDEX,
        manifests: [
          { mediaType: OCI_MANIFEST, digest: DIGEST, size: 1234, artifactType: INSTANCE_TYPE },
        ],
      }),
    read: (input) => decodeIndex(input, 'web.mp'),
    problem: ({ digest }) => (/^sha256:[0-9a-f]{64}$/.test(digest) ? undefined : 'no digest'),
  }),
  reader({
    name: 'travel-config',
    grammar: 'json',
    samples: () => texts(CONFIG),
    read: (input) => decodeTravelConfig(input, 'web.mp'),
    problem: (config) => {
      const again = decodeTravelConfig(encodeTravelConfig(config), 'web.mp');
      return isDeepStrictEqual(again, config) ? undefined : 'it is another once it was written';
    },
  }),
  reader({
    name: 'chunk-hint',
    grammar: 'bytes',
    samples: () => [
      paxText(chunkHint({ file: 'disk.qcow2', offset: 4096, size: 65_536, compression: 'gzip' })),
    ],
    read: (input) => readChunkHint(readPaxText(input, fail)),
    mayThrow: (error) => error.message.startsWith('unfit: '),
    problem: (hint) =>
      hint === undefined || (Number.isSafeInteger(hint.offset) && hint.size > 0)
        ? undefined
        : 'no place',
  }),
  reader({
    name: 'stream-index',
    grammar: 'json',
    samples: () => texts(STREAM_INDEX),
    read: (input) => streamIndex(JsonPlace.parse('index.json', input.toString('utf8'))),
  }),
  reader({
    name: 'stream-manifest',
    grammar: 'json',
    samples: () => texts(STREAM_MANIFEST),
    read: (input) =>
      streamManifest(JsonPlace.parse('streams.json', input.toString('utf8')), 'amd64'),
    problem: (images) =>
      images.every(({ id, size }) => /^[0-9a-f]{64}$/.test(id) && (size === null || size > 0))
        ? undefined
        : 'no hash, or no size',
  }),
];

function fail(problem: string): never {
  throw new Error(`unfit: ${problem}`);
}
