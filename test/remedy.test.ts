import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MultipassError } from '../src/errors.js';
import { remedyOf } from '../src/remedy.js';

const SRC = resolve(import.meta.dirname, '../src');

/** The command lines in the library's own texts and comments, with a name in the place of each that is filled in. */
function commandLines(): string[] {
  const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' });
  const texts = files
    .filter((file) => file.endsWith('.ts') && !/^cli\/|^(?:command-line|remedy)\.ts$/.test(file))
    .map((file) => readFileSync(join(SRC, file), 'utf8'));
  return (
    texts
      .flatMap((text) =>
        [...text.matchAll(/\\?`(multipass [^`\n]*?)\\?`/g)].map(([, line]) => line!),
      )
      .map((line) => line.replaceAll(/\$\{[^}]*\}/g, 'web'))
      // The rest of it is in the next piece of the text.
      .filter((line) => line !== 'multipass ')
  );
}

describe('the remedy of an error', () => {
  it.each([
    ['Shut it down first (`multipass stop web`).', 'Shut it down first (`vm.stop()`).'],
    ['`multipass stop --force web`', '`vm.stop({ force: true })`'],
    ['`multipass delete --purge web`', '`vm.purge()`'],
    ['`multipass delete --purge web.one`', "`vm.deleteSnapshot('one')`"],
    ['`multipass umount web:/mnt`', "`vm.unmount('/mnt')`"],
    ['`multipass set local.network=user`', "`store.setSetting('local.network', 'user')`"],
    ['`multipass exec web -- ls -l /`', "`vm.exec(['ls', '-l', '/'])`"],
    [
      '`multipass list`, then `multipass purge --images`',
      '`store.list()`, then `store.purgeImages()`',
    ],
    ['`multipass clone --cold`', '`vm.clone(undefined, { cold: true })`'],
    ['`multipass clone --live`', '`vm.clone(undefined, { live: true })`'],
    ['`multipass snapshot --live`', '`vm.snapshot({ live: true })`'],
    ['`multipass export --flat`', '`vm.export(path, { flat: true })`'],
    ['Write `8080:80`.', 'Write `{ host: 8080, guest: 80 }`.'],
    ['Ask for a larger disk (`--disk`).', 'Ask for a larger disk (`disk`).'],
    ['`modprobe kvm` and `multipass constructor`', '`modprobe kvm` and `multipass constructor`'],
  ])('of %j', (hint, remedy) => {
    const error = new MultipassError('IO_ERROR', 'no', { hint });
    expect(error.remedy).toBe(remedy);
    expect(error.hint).toBe(hint);
  });

  it('is there where a hint is', () => {
    expect(new MultipassError('ABORTED', 'no').remedy).toBeUndefined();
  });

  it('knows every command line that a hint may have', () => {
    const lines = commandLines();
    expect(lines.length).toBeGreaterThan(40);
    const unknown = lines.filter((line) => remedyOf(`\`${line}\``).includes('multipass'));
    expect([...new Set(unknown)]).toEqual([]);
  });
});
