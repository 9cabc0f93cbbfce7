import type { Mutant } from './mutant.js';

const RECORD = 'src/files/record.ts';
const DECODER = 'src/files/decoder.ts';
const SYNC = 'src/files/sync.ts';
const DRAFT = 'src/files/draft.ts';
const READS = ['test/files/record.test.ts'];
const WRITES = ['test/files/write-record.test.ts', 'test/files/durability.test.ts'];
const DECODES = ['test/files/decoder.test.ts'];
const DRAFTS = ['test/files/draft.test.ts', 'test/files/durability.test.ts'];
const ORDER = ['test/store/durability.test.ts'];

/** Guards of src/files. */
export const FILES_MUTANTS: readonly Mutant[] = [
  {
    why: 'a record is never read through a link',
    file: RECORD,
    find: 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK',
    replace: 'constants.O_RDONLY | constants.O_NONBLOCK',
    tests: READS,
  },
  {
    why: 'a FIFO is not waited on',
    file: RECORD,
    find: 'constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK',
    replace: 'constants.O_RDONLY | constants.O_NOFOLLOW',
    tests: READS,
  },
  {
    why: 'what is larger than any record does not fill the memory',
    file: RECORD,
    find: 'offset <= LARGEST_RECORD;',
    replace: 'offset <= Infinity;',
    tests: READS,
  },
  {
    why: 'a replaced record is synced before its rename',
    file: RECORD,
    find: 'mode: 0o600, fsync: true',
    replace: 'mode: 0o600, fsync: false',
    tests: WRITES,
  },
  {
    why: 'the rename of a replaced record is durable',
    file: RECORD,
    find: '  await syncPath(dirname(path));\n',
    replace: '',
    tests: WRITES,
  },
  {
    why: 'a replaced record is for its owner alone',
    file: RECORD,
    find: '{ mode: 0o600, fsync: true }',
    replace: '{ mode: 0o644, fsync: true }',
    tests: WRITES,
  },
  {
    why: 'a new record is for its owner alone',
    file: RECORD,
    find: "{ mode: 0o600, flag: 'wx' }",
    replace: "{ mode: 0o644, flag: 'wx' }",
    tests: WRITES,
  },
  {
    why: 'a new record never takes the place of another',
    file: RECORD,
    find: "{ mode: 0o600, flag: 'wx' }",
    replace: '{ mode: 0o600 }',
    tests: WRITES,
  },
  {
    why: 'a number has its minimum',
    file: DECODER,
    find: ' || (this.value as number) < minimum',
    replace: '',
    tests: DECODES,
  },
  {
    why: 'a number is whole, and exact',
    file: DECODER,
    find: '!Number.isSafeInteger(this.value)',
    replace: "typeof this.value !== 'number'",
    tests: DECODES,
  },
  {
    why: 'a key of all objects is none of a record',
    file: DECODER,
    find: 'Object.hasOwn(object, name) ? object[name] : undefined',
    replace: 'object[name]',
    tests: DECODES,
  },
  {
    why: 'keys of a newer version survive',
    file: DECODER,
    find: 'return { ...Object.fromEntries(known), ...unknown };',
    replace: 'return Object.fromEntries(known);',
    tests: DECODES,
  },
  {
    why: 'every file of a tree is synced',
    file: SYNC,
    find: '    else if (entry.isFile()) await syncPath(path);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'folders are synced after what they hold',
    file: SYNC,
    find: '    if (entry.isDirectory()) await syncTree(path);\n',
    replace: '',
    tests: ORDER,
  },
  {
    why: 'a link is not synced through',
    file: SYNC,
    find: 'constants.O_RDONLY | constants.O_NOFOLLOW',
    replace: 'constants.O_RDONLY',
    tests: ['test/files/sync.test.ts'],
  },
  {
    why: 'a file takes the place of another in one step',
    file: DRAFT,
    find: '    await rename(draft, path);\n',
    replace:
      "    await (await import('node:fs/promises')).copyFile(draft, path);\n    await rm(draft);\n",
    tests: DRAFTS,
  },
  {
    why: 'a file is durable before it takes the place of another',
    file: DRAFT,
    find: '      await handle.sync();\n',
    replace: '',
    tests: DRAFTS,
  },
  {
    why: 'the rename of a file is durable',
    file: DRAFT,
    find: '    throw error;\n  }\n  await syncPath(dirname(path));\n',
    replace: '    throw error;\n  }\n',
    tests: DRAFTS,
  },
  {
    why: 'a new file is durable before it has its name',
    file: DRAFT,
    find: '    await syncPath(draft);\n',
    replace: '',
    tests: DRAFTS,
  },
  {
    why: 'the name of a new file is durable',
    file: DRAFT,
    find: '    await syncPath(dirname(path));\n    return isFirst;',
    replace: '    return isFirst;',
    tests: DRAFTS,
  },
  {
    why: 'a draft is for its owner alone',
    file: DRAFT,
    find: "await open(draft, 'wx', 0o600)",
    replace: "await open(draft, 'wx', 0o644)",
    tests: DRAFTS,
  },
  {
    why: 'the draft of another is not written over',
    file: DRAFT,
    find: "await open(draft, 'wx', 0o600)",
    replace: "await open(draft, 'w', 0o600)",
    tests: DRAFTS,
  },
  {
    why: 'a place that has a folder with something in it is occupied',
    file: DRAFT,
    find: "['ENOTEMPTY', 'EEXIST', 'ENOTDIR']",
    replace: "['ENOTDIR']",
    tests: ['test/files/draft.test.ts', 'test/store/staging.test.ts'],
  },
  {
    why: 'a place that has a file is occupied',
    file: DRAFT,
    find: "['ENOTEMPTY', 'EEXIST', 'ENOTDIR']",
    replace: "['ENOTEMPTY', 'EEXIST']",
    tests: ['test/files/draft.test.ts', 'test/store/staging.test.ts'],
  },
];
