import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MultipassError } from '../../../src/errors.js';
import { nameFrom } from '../../../src/vm/foreign/describe-name.js';
import { readOvf } from '../../../src/vm/foreign/ovf.js';
import { readDomain } from '../../../src/vm/foreign/read-libvirt.js';
import { decodeLimaConfig } from '../../../src/vm/foreign/read-lima.js';
import { decodeProvider } from '../../../src/vm/foreign/read-vagrant.js';
import { isValidName } from '../../../src/vm/names.js';
import { ovfOf } from './support.js';

const DOMAIN = `<domain type='kvm'><name>db</name><memory unit='MiB'>512</memory><vcpu>2</vcpu>
<devices><disk type='file' device='disk'><driver type='qcow2'/><source file='/x/db.qcow2'/></disk></devices></domain>`;
const LIMA = 'cpus: 4\nmemory: 4GiB\nmounts:\n- location: "~"\nuser: {name: ada}\n';
const VAGRANT =
  '{"provider":"libvirt","format":"qcow2","disks":[{"path":"a.img"},{"path":"b.img"}]}';

/** A text with a piece cut out, doubled, or put in the place of another. */
function damaged(text: string): fc.Arbitrary<string> {
  const place = fc.nat({ max: text.length });
  return fc
    .tuple(place, place, fc.oneof(fc.constant(''), fc.string({ maxLength: 12 }), fc.constant('<')))
    .map(([one, other, put]) => {
      const [start, end] = [Math.min(one, other), Math.max(one, other)];
      return text.slice(0, start) + put + text.slice(end);
    });
}

/** It answers with sensible values, or refuses with an error that is meant. */
function holds<T>(text: string, read: (text: string) => T, check: (value: T) => void): void {
  const samples = fc.oneof(damaged(text), fc.string({ unit: 'binary', maxLength: 200 }));
  fc.assert(
    fc.property(samples, (sample) => {
      let value: T;
      try {
        value = read(sample);
      } catch (error) {
        if (error instanceof MultipassError) return;
        throw error;
      }
      check(value);
    }),
    { numRuns: 1500 },
  );
}

function isSize(value: number | null): boolean {
  return value === null || (Number.isSafeInteger(value) && value > 0);
}

describe('what is read of a stranger', () => {
  it('is an OVF with names of files and numbers, or refused', () => {
    expect(readOvf(ovfOf(['a.vmdk', 'b.vmdk']), 'x')).toMatchObject({
      ...{ title: 'shop & co', cpus: 2, memory: 768 * 1024 ** 2, disks: ['a.vmdk', 'b.vmdk'] },
    });
    holds(
      ovfOf(['a.vmdk']),
      (text) => readOvf(text, 'x'),
      ({ cpus, memory, disks }) => {
        expect([isSize(cpus), isSize(memory), disks.length > 0]).toEqual([true, true, true]);
      },
    );
  });

  it('is a domain of libvirt whose disk is a plain name, or refused', () => {
    expect(readDomain(DOMAIN, 'x')).toMatchObject({
      ...{ title: 'db', cpus: 2, memory: 512 * 1024 ** 2, disk: 'db.qcow2', isRaw: false },
    });
    holds(
      DOMAIN,
      (text) => readDomain(text, 'x'),
      ({ cpus, memory, disk }) => {
        expect([isSize(cpus), isSize(memory)]).toEqual([true, true]);
        expect(disk).toMatch(/^[^/]+$/);
        expect(disk).not.toMatch(/^\.{1,2}$/);
      },
    );
  });

  it('is a box of Vagrant whose disks are plain names, or refused', () => {
    expect(decodeProvider(VAGRANT, 'x')).toEqual({ name: 'libvirt', disks: ['a.img', 'b.img'] });
    expect(decodeProvider('{"provider":"libvirt"}', 'x').disks).toEqual(['box.img']);
    holds(
      VAGRANT,
      (text) => decodeProvider(text, 'x'),
      ({ disks }) => {
        for (const disk of disks) expect(disk).toMatch(/^[^/]+$/);
      },
    );
  });

  it('is a configuration of Lima with numbers, or an error of YAML', () => {
    expect(decodeLimaConfig(LIMA)).toEqual({
      ...{ cpus: 4, memory: 4 * 1024 ** 3, mounts: ['~'], user: 'ada' },
    });
    holds(
      LIMA,
      (text) => {
        try {
          return decodeLimaConfig(text);
        } catch (error) {
          // The one who calls it says whose configuration it is.
          expect(error).toBeInstanceOf(Error);
          expect(error).not.toBeInstanceOf(TypeError);
          expect(error).not.toBeInstanceOf(RangeError);
          return { cpus: null, memory: null };
        }
      },
      ({ cpus, memory }) => {
        expect([isSize(cpus), isSize(memory)]).toEqual([true, true]);
      },
    );
  });

  it('is called by a name that an instance can have, or by none', () => {
    expect([nameFrom('shop & co'), nameFrom('24.04-server'), nameFrom('…')]).toEqual([
      'shop-co',
      'server',
      undefined,
    ]);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 90 }), (title) => {
        const name = nameFrom(title);
        return name === undefined || isValidName(name);
      }),
    );
  });
});
