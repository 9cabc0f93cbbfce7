import { geteuid } from 'node:process';
import type { NetPlace } from '../net-place.js';

/**
 * The words that run a program in the network of a process that is in a shared network's namespace: as the same user,
 * who is root there. Where we are root already there is no user namespace to enter.
 */
export function enterWords(pid: number): [string, ...string[]] {
  const asRoot = geteuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
  return ['nsenter', '--target', String(pid), ...asRoot, '--net', '--'];
}

/** Where programs work that look at a shared network, or change it. */
export function placeInside(pid: number, signal?: AbortSignal): NetPlace & { inside: number } {
  return { through: enterWords(pid), inside: pid, signal };
}
