import type { Mutant } from './mutant.js';

const KERNEL = 'src/store/kernel-lock.ts';
const LOCK = 'src/store/lock.ts';
const TAKES = ['test/store/kernel-lock.test.ts'];
const HOLDS = ['test/store/lock.test.ts'];

/** Guards of the locks. */
export const LOCK_MUTANTS: readonly Mutant[] = [
  {
    why: 'an exclusive lock is one',
    file: KERNEL,
    find: "exclusive: '-x'",
    replace: "exclusive: '-s'",
    tests: [...TAKES, ...HOLDS],
  },
  {
    why: 'a shared lock lets others in',
    file: KERNEL,
    find: "shared: '-s'",
    replace: "shared: '-x'",
    tests: [...TAKES, ...HOLDS],
  },
  {
    why: 'a lock that was replaced while it was waited for is none',
    file: KERNEL,
    find: 'if (await isStillAt(path, handle)) return handle;',
    replace: 'return handle;',
    tests: TAKES,
  },
  {
    why: 'a lock is never made through a link',
    file: KERNEL,
    find: 'open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600)',
    replace: 'open(path, O_RDWR | O_CREAT, 0o600)',
    tests: TAKES,
  },
  {
    why: 'a lock is for its owner alone',
    file: KERNEL,
    find: 'O_NOFOLLOW, 0o600)',
    replace: 'O_NOFOLLOW, 0o666)',
    tests: TAKES,
  },
  {
    why: 'a lock that was taken over is noticed',
    file: LOCK,
    find: 'if (this.#handle !== undefined || this.#lost === undefined) return;',
    replace: 'return;',
    tests: HOLDS,
  },
  {
    why: 'the kernel’s lock cannot be taken over',
    file: LOCK,
    find: 'if (this.#handle !== undefined || this.#lost === undefined) return;',
    replace: 'if (this.#lost === undefined) return;',
    tests: HOLDS,
  },
  {
    why: 'only who has the kernel’s lock breaks a lock folder',
    file: LOCK,
    find: 'whenHeld: hasKernelLock ? removeFolder : wait,',
    replace: 'whenHeld: removeFolder,',
    tests: HOLDS,
  },
  {
    why: 'a shared lock shows no lock folder, which would keep others out',
    file: LOCK,
    find: "if (!hasKernelLock || request.mode === 'exclusive') {",
    replace: 'if (true) {',
    tests: HOLDS,
  },
  {
    why: 'a lock that could not be taken is released',
    file: LOCK,
    find: '    } catch (error) {\n      await lock.release();\n      throw error;',
    replace: '    } catch (error) {\n      throw error;',
    tests: HOLDS,
  },
];
