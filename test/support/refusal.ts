import { expect } from 'vitest';
import { MultipassError, type ErrorCode } from '../../src/errors.js';
import type { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { childProcesses } from '../vm/clone/child-processes.js';
import { fingerprint } from './fingerprint.js';

/** The error that an attempt ends with. */
export async function errorOf(attempt: Promise<unknown>, code: ErrorCode): Promise<MultipassError> {
  const error = await attempt.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(MultipassError);
  expect((error as MultipassError).code, (error as MultipassError).message).toBe(code);
  return error as MultipassError;
}

/**
 * Makes sure that an attempt fails with this code and leaves nothing: every file of the store is what it was, there
 * is no other in `instances/`, `staging/`, `trash/`, `macs/` or `locks/`, and no program of ours runs on.
 */
export async function expectRefusal(
  store: VirtualMachineStore,
  attempt: () => Promise<unknown>,
  code: ErrorCode,
): Promise<MultipassError> {
  const before = await fingerprint(store.root);
  const programs = await childProcesses();
  const error = await errorOf(attempt(), code);
  expect(await fingerprint(store.root)).toEqual(before);
  expect(await childProcesses()).toEqual(programs);
  return error;
}
