import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isOwnTap, tapName } from '../../../src/net/bridge/tap.js';

describe('tapName', () => {
  it('is always the same for an interface, and fits the kernel', () => {
    const uuid = randomUUID();
    expect(tapName(uuid, 0)).toMatch(/^mp[0-9a-f]{10}-0$/);
    expect(tapName(uuid, 0)).toBe(tapName(uuid, 0));
    expect(tapName(uuid, 99)).toHaveLength(15);
  });

  it('is another for every interface and every instance', () => {
    const uuids = Array.from({ length: 50 }, () => randomUUID());
    const names = uuids.flatMap((uuid) => [tapName(uuid, 0), tapName(uuid, 1)]);
    expect(new Set(names).size).toBe(100);
    expect(names.every(isOwnTap)).toBe(true);
    expect(['tap0', 'mpbr01234567', 'mp0123456789'].some(isOwnTap)).toBe(false);
  });
});
