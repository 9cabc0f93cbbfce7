import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { macsItSaid, readWhatItSaid } from '../../../src/vm/renewal/what-it-said.js';

const SELF = { hostname: 'node-1', instanceId: 'ae3c', isFull: false };
const OLD_KEY = 'AAAAC3NzaC1lZDI1NTE5AAAAIOLD';

/** What a guest says of which all has become its own, with other lines in the place of some. */
function said(changes: Readonly<Record<string, string>> = {}): string {
  const lines = {
    before: 'before machine-id 1111',
    now: 'now machine-id 2222',
    hostkey: 'hostkey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINEW',
    hostname: 'hostname node-1',
    'machine-id': 'machine-id 2222',
    'instance-id': 'instance-id ae3c',
    mac: 'mac 52:54:00:00:00:01',
    clock: `clock ${Math.floor(Date.now() / 1000)}`,
    done: 'done',
    ...changes,
  };
  return `${Object.values(lines).join('\n')}\n`;
}

const missing = (changes: Readonly<Record<string, string>>): readonly string[] =>
  readWhatItSaid(said(changes), SELF, `instance ssh-ed25519 ${OLD_KEY}\n`).missing;

describe('what a guest says of its renewal', () => {
  it('is that all has become its own, with the host keys it has', () => {
    expect(readWhatItSaid(said(), SELF, `instance ssh-ed25519 ${OLD_KEY}\n`)).toEqual({
      hostKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINEW'],
      missing: [],
    });
  });

  it.each([
    [{ hostname: 'hostname web' }, 'its hostname is "web"'],
    [{ 'machine-id': 'machine-id 1111' }, 'its machine-id is the old one'],
    [{ 'instance-id': 'instance-id other' }, 'its instance-id is "other"'],
    [
      { hostkey: `hostkey ssh-ed25519 ${OLD_KEY}` },
      'its ssh host key (ssh-ed25519) is the old one',
    ],
    [{ hostkey: '' }, 'it has no ssh host keys'],
    [{ clock: 'clock 1000000000' }, 'its clock is wrong'],
    [{ clock: 'clock soon' }, 'its clock is wrong'],
    [{ done: '' }, 'it did not come to the end'],
    [{ now: 'failed hostkeys: /etc/ssh/ssh_host_rsa_key' }, 'hostkeys: /etc/ssh/ssh_host_rsa_key'],
  ])('names what has not: %o', (changes, expected) => {
    expect(missing(changes)).toEqual([expected]);
  });

  it('names no machine-id where there is none, and no instance-id without cloud-init', () => {
    expect(missing({ before: '', now: '', 'machine-id': '', 'instance-id': '' })).toEqual([]);
  });

  it('is read in time that grows with its lines, and not with their square', () => {
    const text = 'failed again\n'.repeat(200_000);
    expect(readWhatItSaid(text, SELF, '').missing.length).toBe(200_002);
  }, 5000);

  it('is read whatever it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { missing: found, hostKeys } = readWhatItSaid(text, SELF, '');
        expect(found.length).toBeGreaterThan(0);
        // What goes into known_hosts is a key and nothing else.
        for (const key of hostKeys) expect(key).toMatch(/^[a-z0-9@.-]+ [A-Za-z0-9+/=]+$/);
      }),
    );
  });
});

describe('the MAC addresses that a guest says it has', () => {
  it('are those lines of it', () => {
    expect(macsItSaid(said())).toEqual(['52:54:00:00:00:01']);
    expect(macsItSaid('mac 52:54:00:00:00:0g\nmac\nmachine-id 1\n')).toEqual([]);
  });
});
