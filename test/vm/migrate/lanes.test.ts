import { describe, expect, test } from 'vitest';
import type { LegacyInstance } from '../../../src/store/legacy/instances.js';
import { lanesOf } from '../../../src/vm/migrate/lanes.js';

const NETWORK = { id: 'br0', auto: true };

function legacy(name: string, mac: string | null, ...extras: (string | null)[]): LegacyInstance {
  const extraInterfaces = extras.map((one) => ({ ...NETWORK, mac: one }));
  return {
    name,
    spec: { mac, extraInterfaces },
    snapshots: { snapshots: [], head: null, count: null },
  } as unknown as LegacyInstance;
}

function namesIn(...instances: LegacyInstance[]): string[][] {
  return lanesOf(instances).map((lane) => lane.map(({ name }) => name));
}

describe('the lanes of a migration', () => {
  test('are as many as there are instances that have nothing in common', () => {
    const instances = [legacy('a', '52:54:00:00:00:01'), legacy('b', '52:54:00:00:00:02')];
    expect(namesIn(...instances)).toEqual([['a'], ['b']]);
  });

  test('have those with the same address in one, in their order, however it is written', () => {
    const instances = [
      legacy('a', '52:54:00:00:00:0a'),
      legacy('b', '52:54:00:00:00:02'),
      legacy('c', '52:54:00:00:00:03', '52:54:00:00:00:0A'),
    ];
    expect(namesIn(...instances)).toEqual([['b'], ['a', 'c']]);
  });

  test('become one when an instance has to do with both', () => {
    const instances = [
      legacy('a', '52:54:00:00:00:01'),
      legacy('b', '52:54:00:00:00:02'),
      legacy('c', '52:54:00:00:00:02', '52:54:00:00:00:01'),
      legacy('d', '52:54:00:00:00:01'),
    ];
    expect(namesIn(...instances)).toEqual([['b', 'a', 'c', 'd']]);
  });

  test('take an address that is not known for none', () => {
    expect(namesIn(legacy('a', null), legacy('b', null, null))).toEqual([['a'], ['b']]);
  });

  test('heed what a snapshot had', () => {
    const tagged = legacy('b', null);
    const before = { extraInterfaces: [{ ...NETWORK, mac: '52:54:00:00:00:01' }] };
    const snapshots = { snapshots: [before], head: null, count: null };
    const withSnapshot = { ...tagged, snapshots } as unknown as LegacyInstance;
    expect(namesIn(legacy('a', '52:54:00:00:00:01'), withSnapshot)).toEqual([['a', 'b']]);
  });
});
