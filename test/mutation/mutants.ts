import { DISK_MUTANTS } from './disk-mutants.js';
import { FILES_MUTANTS } from './files-mutants.js';
import type { Mutant } from './mutant.js';
import { LOCK_MUTANTS } from './lock-mutants.js';
import { STORE_MUTANTS } from './store-mutants.js';
import { VM_MUTANTS } from './vm-mutants.js';

/** All guards that are switched off by hand. */
export const MUTANTS: readonly Mutant[] = [
  ...FILES_MUTANTS,
  ...LOCK_MUTANTS,
  ...STORE_MUTANTS,
  ...VM_MUTANTS,
  ...DISK_MUTANTS,
];
