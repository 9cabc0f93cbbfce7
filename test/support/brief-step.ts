import type { Step } from './inject.js';

const TOKEN = /[0-9a-f]{12}\.[0-9a-f]{12}\.\d+\.\d+\.\d+(?:\.[0-9a-f]{16})?/g;

/** A step as one word, such as `rename staging/* instances/copy0`: what differs from run to run is a star. */
export function briefStep({ syscall, paths }: Pick<Step, 'syscall' | 'paths'>): string {
  const name = syscall.replace(/at2?$/, '').replace('fdatasync', 'fsync');
  const places = paths.map((path) => path.replace(TOKEN, '*').replace(/\.json\.\d+$/, '.json.*'));
  return [name, ...places].join(' ').trim();
}
