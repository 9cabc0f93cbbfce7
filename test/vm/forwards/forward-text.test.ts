import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkForward,
  formatForward,
  numberedForward,
  parseForward,
  parseForwardedPort,
} from '../../../src/vm/forwards/forward-text.js';

const port = fc.integer({ min: 1, max: 65_535 });
const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const forward = fc.record({
  address,
  hostPort: port,
  guestPort: port,
  protocol: fc.constantFrom('tcp' as const, 'udp' as const),
});

describe('the text of a forward', () => {
  it.each([
    ['8080:80', { address: '127.0.0.1', hostPort: 8080, guestPort: 80, protocol: 'tcp' }],
    ['53:53/udp', { address: '127.0.0.1', hostPort: 53, guestPort: 53, protocol: 'udp' }],
    ['0.0.0.0:8080:80/tcp', { address: '0.0.0.0', hostPort: 8080, guestPort: 80, protocol: 'tcp' }],
  ])('%s', (text, meant) => {
    expect(parseForward(text)).toEqual(meant);
  });

  it('is read as it is written, whatever the forward', () => {
    fc.assert(
      fc.property(forward, (one) => {
        expect(parseForward(formatForward(one))).toEqual(one);
      }),
    );
  });

  it('names a forward that there is, with the port of the guest and without', () => {
    fc.assert(
      fc.property(forward, ({ address, hostPort: host, guestPort: guest, protocol }) => {
        const text = `${address}:${host}/${protocol}`;
        expect(parseForwardedPort(text)).toEqual({ address, host, protocol });
        const whole = `${address}:${host}:${guest}/${protocol}`;
        expect(parseForwardedPort(whole)).toEqual({ address, host, guest, protocol });
      }),
    );
    expect(parseForwardedPort('8080')).toEqual({ host: 8080 });
    expect(parseForwardedPort('8080:80')).toMatchObject({ host: 8080, guest: 80 });
  });

  it.each([
    ...['', '80', ':80', '80:', '0:80', '80:0', '65536:80', '80:65536', '-1:80', '8080:80/sctp'],
    ...['8080:80/', 'localhost:8080:80', '[::1]:8080:80', '127.1:8080:80', '127.0.0.01:8080:80'],
    ...[
      '256.0.0.1:8080:80',
      '8080:80,hostfwd=tcp::1-:2',
      '8080:80 ',
      '8080:80\n',
      '1e3:80',
      '0x50:80',
    ],
    ...['127.0.0.1:8080:80:80', '{n}:80'],
  ])('%j is none', (text) => {
    expect(() => parseForward(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', details: { forward: text } }),
    );
  });

  it('is none for any other text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'0 1 2 3 . : / u d p t c {n} + -'.split(' '), ' ') }),
        (text) => {
          let read;
          try {
            read = parseForward(text);
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_ARGUMENT' });
            return;
          }
          expect(parseForward(formatForward(read))).toEqual(read);
        },
      ),
    );
  });

  it('has the number of an instance', () => {
    expect(numberedForward('8080+{n}:80', 3)).toMatchObject({ hostPort: 8083, guestPort: 80 });
    expect(numberedForward('10.0.0.{n}:80:80', 12)).toMatchObject({ address: '10.0.0.12' });
    expect(() => numberedForward('65535+{n}:80', 1)).toThrow(/no forward of a port/);
  });

  it('is not needed: ports as numbers are looked at in the same way', () => {
    expect(checkForward({ host: 8080, guest: 80 })).toEqual(parseForward('8080:80'));
    for (const choice of [
      { host: 1.5, guest: 80 },
      { host: NaN, guest: 80 },
      { host: 8080, guest: 80, address: '::1' },
      { host: 8080, guest: 80, protocol: 'sctp' as never },
    ]) {
      expect(() => checkForward(choice)).toThrow(/no forward of a port/);
    }
  });
});
