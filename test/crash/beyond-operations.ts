import {
  countScenario,
  flattenScenario,
  linkedScenario,
  renameScenario,
} from './beyond-scenario.js';

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
