import { describe, expect, it } from 'vitest';
import type { Members } from '../../../src/vm/foreign/members.js';
import { splitImageAmong, type SplitImage } from '../../../src/vm/foreign/split-image.js';

const FINGERPRINT = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

function among(...names: readonly string[]): SplitImage | undefined {
  const unasked = (): never => {
    throw new Error('names alone tell');
  };
  const files = { size: unasked, read: unasked, path: unasked };
  return splitImageAmong({ origin: 'here', names: new Set(names), ...files } satisfies Members);
}

describe('the two files of an image', () => {
  it.each([
    ['metadata.tar.xz', 'disk.qcow2'],
    ['incus.tar.xz', 'disk-kvm.img'],
    ['metadata.tar', 'rootfs.img'],
    [`meta-${FINGERPRINT}.tar.xz`, `${FINGERPRINT}.qcow2`],
    [`meta-${FINGERPRINT}.tar`, `${FINGERPRINT}.root`],
    ['web', 'web.root'],
    ['web.tar.gz', 'web.tar.gz.root'],
  ])('are known by their names: %s, %s', (archive, disk) => {
    expect(among('README', archive, disk)).toEqual({ archive, disk });
  });

  it.each([
    ['metadata.tar.xz', 'other.qcow2'],
    [`meta-${FINGERPRINT}.tar.xz`, `${OTHER}.qcow2`],
    [`meta-${FINGERPRINT}.tar.xz`, `${FINGERPRINT}.squashfs`],
    ['web', 'site.root'],
  ])('are not %s with %s', (archive, disk) => {
    expect(among(archive, disk)).toBeUndefined();
  });

  it('are to be those of one', () => {
    const names = [FINGERPRINT, OTHER].flatMap((one) => [`meta-${one}.tar`, `${one}.qcow2`]);
    expect(() => among(...names)).toThrow('there are 2 images in it');
  });
});
