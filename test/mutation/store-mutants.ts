import type { Mutant } from './mutant.js';

const PUBLISH = 'src/store/publish.ts';
const VISIBLE = 'src/store/make-visible.ts';
const COMMIT = 'src/store/commit.ts';
const STAGING = 'src/store/staging.ts';
const MACS = 'src/store/mac-table.ts';
const TRASH = 'src/store/trash.ts';
const SWEEP = 'src/store/sweep.ts';
const TAKE_BACK = 'src/store/take-back.ts';
const TOKEN = 'src/store/maker-token.ts';
const FORMAT = 'src/store/format.ts';
const ORDER = ['test/store/durability.test.ts'];
const SETS = [
  'test/store/take-back.test.ts',
  'test/store/commit.test.ts',
  'test/vm/clone/many.test.ts',
];
const STAGES = ['test/store/staging.test.ts'];
const SWEEPS = ['test/store/trash.test.ts', 'test/store/commit.test.ts'];
const TELLS = ['test/store/maker-token.test.ts'];

/** Guards of publishing, sweeping, the MAC table and the store itself. */
export const STORE_MUTANTS: readonly Mutant[] = [
  {
    why: 'what is staged is durable before it is published',
    file: PUBLISH,
    find: '  for (const { staged } of instances) await syncTree(staged.path);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'MAC rows are durable before their instance is published',
    file: PUBLISH,
    find: '  await syncPath(layout.macs);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'a folder is synced before the MAC rows',
    file: PUBLISH,
    find: '  for (const { staged } of instances) await syncTree(staged.path);\n  await syncPath(layout.macs);\n',
    replace:
      '  await syncPath(layout.macs);\n  for (const { staged } of instances) await syncTree(staged.path);\n',
    tests: ORDER,
  },
  {
    why: 'a published instance survives a power cut',
    file: VISIBLE,
    find: '    await syncPath(layout.instances);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'what was published is durably gone from staging',
    file: VISIBLE,
    find: '    await syncPath(layout.staging);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'a set is committed before its first rename',
    file: PUBLISH,
    find: '  await commit();\n  try {',
    replace: '  try {',
    tests: [...SETS, ...ORDER],
  },
  {
    why: 'that a set is taken back is recorded before the first one goes',
    file: PUBLISH,
    find: "    await writeCommit(layout, record, { decision: 'undo', publications });\n    await takeBack(",
    replace: '    await takeBack(',
    tests: SETS,
  },
  {
    why: 'what is taken back is known by its uuid',
    file: TAKE_BACK,
    find: 'return (await rowsOf(dir))?.uuid === uuid;',
    replace: 'return true;',
    tests: SETS,
  },
  {
    why: 'what is taken back is known by its inode',
    file: TAKE_BACK,
    find: ' || String(stats.ino) !== inode',
    replace: '',
    tests: SETS,
  },
  {
    why: 'what is in use by now is not taken back',
    file: TAKE_BACK,
    find: "if (lock === 'in use') {",
    replace: 'if (false) {',
    tests: SETS,
  },
  {
    why: 'a record’s name never becomes a path unchecked',
    file: COMMIT,
    find: '/^[A-Za-z][A-Za-z0-9-]{0,62}$/',
    replace: '/^[A-Za-z][A-Za-z0-9-]{0,62}/',
    tests: SETS,
  },
  {
    why: 'a staged folder is for its owner alone',
    file: STAGING,
    find: 'await mkdir(staged.path, { mode: 0o700 });',
    replace: 'await mkdir(staged.path, { mode: 0o755 });',
    tests: STAGES,
  },
  {
    why: 'the uuid of a row is durable before the row is there',
    file: STAGING,
    find: '    if (!this.#isSynced) await syncPath(this.#uuidFile);\n',
    replace: '',
    tests: [...STAGES, ...ORDER],
  },
  {
    why: 'a row that is claimed can be traced back when its maker dies',
    file: STAGING,
    find: 'await link(this.#uuidFile, intent).catch(',
    replace: 'await Promise.resolve().catch(',
    tests: STAGES,
  },
  {
    why: 'who was published keeps its rows when its maker fails afterwards',
    file: STAGING,
    find: '    if (!(await isThere(this.path))) return;\n',
    replace: '',
    tests: ['test/store/commit.test.ts'],
  },
  {
    why: 'a MAC row has one owner',
    file: MACS,
    find: "      if (errnoOf(error) === 'EEXIST') return false;\n      if (!HAS_NO_LINKS",
    replace: "      if (errnoOf(error) === 'EEXIST') return true;\n      if (!HAS_NO_LINKS",
    tests: [...STAGES, 'test/store/mac-table.test.ts'],
  },
  {
    why: 'a MAC row is freed by its owner alone',
    file: MACS,
    find: '    if (this.owner(hex) !== uuid) return;\n',
    replace: '',
    tests: [...STAGES, 'test/store/mac-table.test.ts'],
  },
  {
    why: 'a removal is durable before its MAC rows are free',
    file: TRASH,
    find: '  await syncPath(layout.instances);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'the folder in the trash is durable before its MAC rows are free',
    file: TRASH,
    find: '  await syncPath(layout.trash);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'the rows of an instance that the trash only links to stay',
    file: TRASH,
    find: 'if ((await lstat(path)).isDirectory()) await releaseRows',
    replace: 'await releaseRows',
    tests: SWEEPS,
  },
  {
    why: 'only what the dead left is swept',
    file: SWEEP,
    find: "if (makerState(token) !== 'unknown') return await isMakerGone(layout, token, question);",
    replace: "if (makerState(token) !== 'unknown') return true;",
    tests: [...SWEEPS, ...STAGES],
  },
  {
    why: 'what somebody unknown makes is left for a day',
    file: SWEEP,
    find: '> UNKNOWN_MAKER_GRACE_MS',
    replace: '> 0',
    tests: SWEEPS,
  },
  {
    why: 'what could not be finished is not removed',
    file: SWEEP,
    find: 'staged.filter((token) => !unfinished.has(token)).map(',
    replace: 'staged.map(',
    tests: SWEEPS,
  },
  {
    why: 'a pid that was given to another process is dead',
    file: TOKEN,
    find: 'return now === startTime;',
    replace: 'return true;',
    tests: TELLS,
  },
  {
    why: 'a zombie is dead',
    file: 'src/process/start-time.ts',
    find: "fields?.[0] === 'Z' || fields?.[0] === 'X' ? 'dead' : fields?.[19]",
    replace: 'fields?.[19]',
    tests: TELLS,
  },
  {
    why: 'whoever lived before the last boot is dead',
    file: TOKEN,
    find: "  if (maker.boot !== me.boot) return 'dead';\n",
    replace: '',
    tests: TELLS,
  },
  {
    why: 'a process of another container is unknown',
    file: TOKEN,
    find: "  if (maker.namespace !== me.namespace) return 'unknown';\n",
    replace: '',
    tests: TELLS,
  },
  {
    why: 'a store of a newer format is left alone',
    file: FORMAT,
    find: 'if (format > STORE_FORMAT) {',
    replace: 'if (false) {',
    tests: ['test/store/format.test.ts'],
  },
  {
    why: 'a store is for its owner alone, whatever the umask',
    file: FORMAT,
    find: 'await chmod(path, 0o700);',
    replace: 'await chmod(path, 0o755);',
    tests: ['test/store/format.test.ts'],
  },
];
