import { geteuid } from 'node:process';
import { findProgram } from '../../process/programs.js';

/**
 * What `multipass network setup` installs where a distribution lets nobody but known programs make user namespaces: a
 * copy of unshare that is root's, and is known.
 */
export const LAUNCHER = '/usr/local/libexec/multipass-ts/unshare';

/** The programs that make a shared network's namespaces, in the order in which they are tried. */
export const MAKERS = ['unshare', LAUNCHER, 'pasta', 'rootlesskit'] as const;
export type Maker = (typeof MAKERS)[number];

/**
 * Those that are tried here. Where only programs that the distribution knows make user namespaces, it may know pasta
 * (Ubuntu from 24.10 on) or rootlesskit (24.04). Root needs none, and so no other program.
 */
export function makersHere(): Maker[] {
  if (geteuid?.() === 0) return ['unshare'];
  return MAKERS.filter((maker) => maker === 'unshare' || findProgram(maker) !== undefined);
}

/** The words that run a program in namespaces of its own, where it is root and has no network yet. */
export function makerWords(maker: Maker): [string, ...string[]] {
  switch (maker) {
    case 'unshare':
    case LAUNCHER:
      return geteuid?.() === 0
        ? [maker, '--net', '--']
        : [maker, '--user', '--map-root-user', '--net', '--'];
    case 'pasta': {
      const noPorts = ['-t', '-u', '-T', '-U'].flatMap((which) => [which, 'none']);
      return [maker, '--quiet', ...noPorts, '--'];
    }
    case 'rootlesskit':
      return [maker, '--net=host', 'unshare', '--net', '--'];
  }
}

/**
 * Whether a maker stays for as long as what it runs, or gives it a world of pids of its own: what is to live on in its
 * namespaces has to enter them from here.
 */
export function staysAround(maker: Maker): boolean {
  return maker === 'pasta' || maker === 'rootlesskit';
}
