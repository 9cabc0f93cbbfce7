import {
  countScenario,
  flattenScenario,
  linkedScenario,
  renameScenario,
} from './beyond-scenario.js';
import { publishing } from './struck.js';

type Scenario = ReturnType<typeof renameScenario>;

/** The commands that go beyond a plain clone, on the store of `beyondTemplate`. */
export const BEYOND_OPERATIONS: Readonly<Record<string, (template: string) => Scenario>> = {
  'a written instance is frozen and linked': (template) => linkedScenario(template, 'written'),
  'an unwritten instance is linked': (template) => linkedScenario(template, 'unwritten'),
  'an instance with snapshots is linked': (template) => linkedScenario(template, 'tagged'),
  'an instance is flattened': (template) => flattenScenario(template, 'written'),
  'an instance with snapshots is flattened': (template) => flattenScenario(template, 'tagged'),
  'an instance is renamed': renameScenario,
  'three copies are made': (template) => countScenario(template, 'written', ['--name', 'node-{n}']),
  'three linked clones are made': (template) => countScenario(template, 'written', ['--linked']),
  'three copies of one with snapshots are made': (template) => countScenario(template, 'tagged'),
};

const WRITTEN = 'store/instances/written';
const FREEZING = [
  'fsync store/staging/*/disk.qcow2',
  `fsync ${WRITTEN}`,
  `rename store/staging/*/disk.qcow2 ${WRITTEN}/disk.qcow2`,
  `fsync ${WRITTEN}`,
];
const flattening = (name: string): string[] => [
  'fsync store/staging/*/disk.qcow2',
  'fsync store/staging/*',
  `rename store/staging/*/disk.qcow2 store/instances/${name}/disk.qcow2`,
  `fsync store/instances/${name}`,
  `unlink store/instances/${name}/base-image.qcow2`,
];
const COMMITTING = [
  'fsync store/staging/*',
  'rename store/staging/* store/staging/*.commit',
  'fsync store/staging',
];
const setOf = (...names: readonly string[]): string[] => [
  ...COMMITTING,
  ...names.map((name) => `rename store/staging/* store/instances/${name}`),
  'fsync store/instances',
  'fsync store/staging',
  'unlink store/staging/*.commit',
];
const numbered = (stem: string): string[] => setOf(...[1, 2, 3].map((n) => `${stem}${n}`));

/** The calls that matter in each of them, in their order. */
export const BEYOND_STEPS: Readonly<Record<string, readonly string[]>> = {
  'a written instance is frozen and linked': [...FREEZING, ...publishing('copy')],
  'an unwritten instance is linked': publishing('copy'),
  'an instance with snapshots is linked': publishing('copy'),
  'an instance is flattened': flattening('written'),
  'an instance with snapshots is flattened': flattening('tagged'),
  'an instance is renamed': [
    'rename store/instances/tagged store/instances/shop',
    'fsync store/instances',
  ],
  'three copies are made': numbered('node-'),
  'three linked clones are made': [...FREEZING, ...numbered('written-clone')],
  'three copies of one with snapshots are made': numbered('tagged-clone'),
};
