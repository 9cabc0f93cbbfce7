import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { sandboxWords } from '../../src/process/sandbox.js';
import { setIdFilter } from '../../src/process/set-id-filter.js';
import { test as base } from '../support/store-fixture.js';

/** Runs a line of Python in a sandbox with the filter, in a folder with a file `mine`. @returns what it prints */
const test = base.extend<{ folder: string; python: (line: string) => Promise<string> }>({
  folder: async ({ root }, use) => {
    const folder = join(root, 'shared');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'mine'), 'mine');
    await chmod(join(folder, 'mine'), 0o600);
    await use(folder);
  },
  python: async ({ folder, root }, use) => {
    await writeFile(join(root, 'filter'), setIdFilter() ?? '');
    const asked = 'import sys; print(sys.executable); print(sys.base_prefix)';
    const { stdout: places } = await run('python3', ['-c', asked]);
    const [python = '', prefix = ''] = places.split('\n');
    await use(async (line) => {
      const filter = await open(join(root, 'filter'), 'r');
      const [first, ...words] = await sandboxWords({
        programs: [python],
        readOnly: ['/usr', '/lib/x86_64-linux-gnu', prefix].filter((path) => existsSync(path)),
        writable: [folder],
        filter: 3,
        folder,
      });
      const all = [...words, python, '-c', `${PRELUDE}\n${line}`];
      const { stdout } = await run(first, all, { fd3: filter.fd });
      await filter.close();
      return stdout;
    });
  },
});

/** `call(number, …)` is the bare system call: 0, or more, or the name of the error. */
const PRELUDE = `
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *args):
    words = [a if isinstance(a, (bytes, ctypes.Array)) else ctypes.c_long(a) for a in args]
    done = libc.syscall(ctypes.c_long(number), *words)
    return done if done >= 0 else errno.errorcode[ctypes.get_errno()]`;

const [O_WRONLY, O_CREAT, O_TMPFILE, AT_FDCWD] = [1, 0o100, 0o20200000, -100];

/** Each call that can give a file a mode; `%` is the mode. Numbers of x86-64. */
const CALLS: Readonly<Record<string, string>> = {
  chmod: 'call(90, b"mine", %)',
  fchmod: 'call(91, os.open("mine", os.O_RDONLY), %)',
  fchmodat: `call(268, ${AT_FDCWD}, b"mine", %)`,
  creat: 'call(85, b"new", %)',
  'open to make': `call(2, b"new", ${O_WRONLY | O_CREAT}, %)`,
  'openat to make': `call(257, ${AT_FDCWD}, b"new", ${O_WRONLY | O_CREAT}, %)`,
  'openat without a name': `call(257, ${AT_FDCWD}, b".", ${O_WRONLY | O_TMPFILE}, %)`,
  mknod: 'call(133, b"new", 0o100000 | %, 0)',
  mknodat: `call(259, ${AT_FDCWD}, b"new", 0o100000 | %, 0)`,
};

describe.runIf(process.arch === 'x64')('the filter of modes', () => {
  test.for(Object.entries(CALLS))(
    'refuses set-user-ID and set-group-ID bits, and no others: %s',
    async ([, code], { folder, python }) => {
      const tried = [0o4755, 0o2711, 0o6000, 0o1750].map((mode) => code.replace('%', `${mode}`));
      const said = await python(tried.map((line) => `print(${line})`).join('\n'));
      expect(said.split('\n').map((line) => (/^\d+$/.test(line) ? 'done' : line))).toEqual([
        'EPERM',
        'EPERM',
        'EPERM',
        'done',
      ]);
      for (const name of await readdir(folder)) {
        expect((await stat(join(folder, name))).mode & 0o6000).toBe(0);
      }
    },
  );

  test('looks at no mode where none is meant', async ({ python }) => {
    const lines = [`call(2, b"mine", ${O_WRONLY}, 0o6755)`, 'call(257, -100, b"mine", 0, 0o4000)'];
    const said = await python(lines.map((line) => `print(${line})`).join('\n'));
    expect(said).toMatch(/^\d+\n\d+$/);
  });

  test.for([
    [
      'fchmodat2, which older kernels have not',
      `call(452, ${AT_FDCWD}, b"mine", 0o4755, 0)`,
      /EPERM/,
    ],
    [
      'openat2, whose mode is in memory',
      `call(437, ${AT_FDCWD}, b"mine", b"\\0" * 24, 24)`,
      /ENOSYS/,
    ],
    ['io_uring, which opens files by itself', 'call(425, 8, b"\\0" * 120)', /ENOSYS/],
    ['calls of the x32 family', 'call(0x40000000 + 90, b"mine", 0o4755)', /ENOSYS/],
  ] as const)('has no way around it: %s', async ([, code, refused], { python }) => {
    expect(await python(`print(${code})`)).toMatch(refused);
  });
});

describe('setIdFilter', () => {
  test('knows two families of processors', () => {
    expect(setIdFilter('x64')?.length).toBeGreaterThan(100);
    expect(setIdFilter('arm64')?.length).toBeGreaterThan(100);
    expect(setIdFilter('riscv64')).toBeUndefined();
  });
});
