import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../../src/files/decoder.js';
import {
  decodeInterface,
  decodeInterfaces,
  interfaceLabel,
} from '../../../src/vm/records/interface.js';
import { expectDamageNoticed, expectKeptWhole, expectRefused, type Wrong } from './record-laws.js';
import { interfaceJson } from './sample-records.js';

const INTERFACE = { mac: '52:54:00:00:00:01', network: 'br0', auto: true };

const WRONG: readonly Wrong[] = [
  ['/mac', ''],
  ['/mac', '52:54:00:00:00'],
  ['/mac', '52-54-00-00-00-01'],
  ['/mac', '52:54:00:00:00:01,x=y'],
  ['/mac', 90_520_730_730_496],
  ['/mac', null],
  ['/network', 1],
  ['/network', ['br0']],
  ['/auto', null],
  ['/auto', 'yes'],
];

describe('decodeInterface', () => {
  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodeInterface, INTERFACE, wrong);
  });

  it('has no more neighbours than a machine has slots', () => {
    const at = (length: number): JsonPlace =>
      JsonPlace.parse('f', JSON.stringify(Array.from({ length }, () => INTERFACE)));
    expect(decodeInterfaces(at(64))).toHaveLength(64);
    expect(() => decodeInterfaces(at(65))).toThrow('expected at most 64 entries, found 65');
  });

  it('takes a MAC address in upper case for the same', () => {
    const text = JSON.stringify({ ...INTERFACE, mac: '52:54:00:AB:CD:EF' });
    expect(decodeInterface(JsonPlace.parse('f', text)).mac.toString()).toBe('52:54:00:ab:cd:ef');
  });

  it('keeps a record whole, keys of a later version included', () => {
    expectKeptWhole(decodeInterface, interfaceJson);
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(decodeInterface, INTERFACE);
  });
});

describe('interfaceLabel', () => {
  it('numbers the extra ones, after the default one', () => {
    expect([0, 1, 2, 10].map(interfaceLabel)).toEqual(['default', 'extra0', 'extra1', 'extra9']);
  });
});
