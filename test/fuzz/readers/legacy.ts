import { sep } from 'node:path';
import {
  instanceImageRecord,
  instanceRecord,
  snapshotRecord,
} from '../../../fixtures/legacy/records.js';
import { LEGACY_INSTANCES } from '../../../fixtures/legacy/instances.js';
import { LegacyPaths } from '../../../fixtures/legacy/paths.js';
import { qtJson } from '../../../fixtures/legacy/qt-json.js';
import { readLegacyAliases } from '../../../src/store/legacy/aliases.js';
import { readLegacyInstances, type LegacyInstances } from '../../../src/store/legacy/instances.js';
import { reader, texts, type FuzzedReader, type Place } from '../reader.js';

const PATHS = new LegacyPaths('/srv/multipass', '/home/ada');
const INSTANCES = Object.values(LEGACY_INSTANCES);

/** A file of an old Multipass at its place in its data. */
function inData(name: string, file: string, samples: () => Buffer[]): FuzzedReader {
  return reader({
    name,
    grammar: 'json',
    opens: true,
    samples,
    read: async (input: Buffer, place: Place): Promise<LegacyInstances> => {
      place.file(file, input);
      const dataDir = place.folder;
      return await readLegacyInstances({
        dataDir,
        multipassdDir: dataDir,
        cacheDir: null,
        backend: '',
      });
    },
    problem: ({ instances }, _, place) =>
      instances.every(({ folder }) => folder === null || folder.startsWith(place.folder + sep))
        ? undefined
        : 'a folder of somebody else',
  });
}

const all = (recordOf: (instance: (typeof INSTANCES)[number]) => object): string =>
  qtJson(Object.fromEntries(INSTANCES.map((one) => [one.name, recordOf(one)])));

export const legacy = [
  inData('legacy-instances', 'multipassd-vm-instances.json', () =>
    texts(all((one) => instanceRecord(one, PATHS))),
  ),
  inData('legacy-images', 'vault/multipassd-instance-image-records.json', () =>
    texts(all((one) => instanceImageRecord(one, PATHS))),
  ),
  inData('legacy-snapshots', 'vault/instances/web/0001.snapshot.json', () =>
    texts(
      ...INSTANCES.flatMap((one) =>
        (one.snapshots ?? []).map((_, at) => qtJson(snapshotRecord(one, at + 1, PATHS))),
      ),
    ),
  ),
  reader({
    name: 'legacy-aliases',
    grammar: 'json',
    opens: true,
    samples: () =>
      texts(
        {
          'active-context': 'default',
          contexts: {
            default: { ls: { instance: 'web', command: 'ls', 'working-directory': 'map' } },
          },
        },
        { ls: { instance: 'web', command: 'ls' } },
      ),
    read: (input, place) => {
      place.file('.local/share/multipass/multipass_aliases.json', input);
      return readLegacyAliases({ env: {}, home: place.folder });
    },
  }),
];
