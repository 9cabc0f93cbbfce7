import { parseRow } from '../../../src/store/mac-table.js';
import { createHash } from 'node:crypto';
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  buildLegacyData,
  type LegacyFixture,
  type LegacyInstanceFacts,
} from '../../../fixtures/legacy/build.js';
import { LegacyPaths } from '../../../fixtures/legacy/paths.js';
import { run } from '../../../src/process/run.js';
import { StoreLayout } from '../../../src/store/layout.js';
import {
  migrate,
  type MigrateRequest,
  type MigrationOutcome,
} from '../../../src/vm/migrate/migrate.js';
import type { MigratedInstance } from '../../../src/vm/migrate/report.js';
import { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { test as base } from '../../support/store-fixture.js';

/** A JSON object of legacy data, to be changed by a test. */
export type Json = Record<string, unknown>;

/** One test's own copy of built legacy data; its records name the copy's own paths. */
export class LegacyCopy {
  readonly paths: LegacyPaths;
  readonly #built: LegacyFixture;

  private constructor(built: LegacyFixture, root: string) {
    this.#built = built;
    this.paths = new LegacyPaths(root, built.paths.home);
  }

  static async make(built: LegacyFixture, root: string): Promise<LegacyCopy> {
    await run('cp', ['-a', '--', built.paths.root, root]);
    const copy = new LegacyCopy(built, root);
    const { stdout } = await run('find', [root, '-name', '*.json']);
    for (const path of stdout.split('\n')) {
      const text = await readFile(path, 'utf8');
      await writeFile(path, text.replaceAll(built.paths.root, root));
    }
    return copy;
  }

  get root(): string {
    return this.paths.root;
  }

  /** The folder that has a folder for each instance. */
  get vault(): string {
    return join(this.paths.data, 'vault', 'instances');
  }

  instance(name: string): LegacyInstanceFacts {
    const facts = this.#built.instance(name);
    const { image } = facts.description;
    const disk = this.paths.disk(name, image);
    const folder = this.paths.instanceFolder(name);
    return { ...facts, folder, disk, seed: this.paths.seed(name) };
  }

  /** The names of all that was built. */
  names(): string[] {
    return this.#built.instances.map(({ name }) => name);
  }

  /** A file in an instance's folder. */
  file(instance: string, name: string): string {
    return join(this.paths.instanceFolder(instance), name);
  }

  async changeSpecs(change: (records: Record<string, Json>) => void): Promise<void> {
    const path = this.paths.instanceRecords;
    const records = JSON.parse(await readFile(path, 'utf8')) as Record<string, Json>;
    change(records);
    await writeFile(path, JSON.stringify(records, null, 4));
  }

  /** Changes what the image record of an instance says of its disk's path. */
  async changeImagePath(name: string, imagePath: string): Promise<void> {
    const path = this.paths.instanceImageRecords;
    const records = JSON.parse(await readFile(path, 'utf8')) as Record<string, { image: Json }>;
    records[name] = { ...records[name], image: { ...records[name]?.image, path: imagePath } };
    await writeFile(path, JSON.stringify(records, null, 4));
  }
}

/** What a test of migration has: legacy data built once for its file, its own copy of them, and an unborn store. */
export const test = base.extend<{
  built: LegacyFixture;
  legacy: LegacyCopy;
  target: MigrationTarget;
}>({
  built: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      const dir = await mkdtemp(join(tmpdir(), 'multipass-ts-legacy-'));
      await use(await buildLegacyData(join(dir, 'built')));
      await rm(dir, { recursive: true, force: true });
    },
    { scope: 'file' },
  ],
  legacy: async ({ built, root }, use) => {
    await use(await LegacyCopy.make(built, join(root, '..', 'legacy')));
  },
  target: async ({ root, legacy }, use) => {
    await use(new MigrationTarget(root, legacy.root));
  },
});

/** A store that legacy data are migrated to; it is made by the first migration. */
export class MigrationTarget {
  readonly layout: StoreLayout;
  readonly store: VirtualMachineStore;
  readonly #from: string;

  constructor(root: string, from: string) {
    this.layout = new StoreLayout(root);
    this.store = new VirtualMachineStore(this.layout);
    this.#from = from;
  }

  async migrate(options: Partial<MigrateRequest> = {}): Promise<MigrationOutcome> {
    return await migrate({
      layout: this.layout,
      from: this.#from,
      host: { env: {}, home: '/nonexistent' },
      names: [],
      mode: 'copy',
      dryRun: false,
      ...options,
    });
  }

  /** Migrates one instance and gives its line of the report, which must be the only one. */
  async migrateOne(name: string, options: Partial<MigrateRequest> = {}): Promise<MigratedInstance> {
    const { report } = await this.migrate({ ...options, names: [name] });
    const [line, ...more] = report.instances;
    if (line?.name !== name || more.length > 0) throw new Error(JSON.stringify(report));
    return line;
  }

  /** The uuid that each MAC row of the store holds, by the MAC. */
  async rows(): Promise<Record<string, string>> {
    const rows = await readdir(this.layout.macs);
    const pairs = rows.map(async (hex) => {
      const { uuid } = parseRow(await readFile(this.layout.macRow(hex), 'utf8'));
      return [hex.replace(/..(?=.)/g, '$&:'), uuid.trim()] as const;
    });
    return Object.fromEntries(await Promise.all(pairs));
  }

  /** What is in staging and in the trash: nothing, unless something went wrong. */
  async leftovers(): Promise<string[]> {
    return [...(await readdir(this.layout.staging)), ...(await readdir(this.layout.trash))];
  }
}

/** The line of a report about one instance. */
export function lineOf({ report }: MigrationOutcome, name: string): MigratedInstance {
  const line = report.instances.find((instance) => instance.name === name);
  if (line === undefined) throw new Error(`the report has no "${name}"`);
  return line;
}

/** How an untouched disk comes over, which is for the file system to say. */
export const COPIED = /^(?:reflink|copy)$/;

/** Everything below a folder, itself included: kind, mode, mtime, inode, and content or where a link leads. */
export async function treeOf(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true });
  const tree: Record<string, string> = {};
  for (const name of ['.', ...entries].sort()) {
    const path = join(folder, name);
    const { mode, mtimeNs, ino } = await lstat(path, { bigint: true });
    tree[name] = [mode.toString(8), mtimeNs, ino, await contentOf(path)].join(' ');
  }
  return tree;
}

async function contentOf(path: string): Promise<string> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return await readlink(path);
  if (!stats.isFile()) return '';
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

export async function inodeOf(path: string): Promise<number> {
  return (await stat(path)).ino;
}
