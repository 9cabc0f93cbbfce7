import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  hasIdentityHook,
  readableVendorData,
  withIdentityHook,
} from '../../../src/vm/seed/identity-hook.js';
import { MACHINE_ID_HOOK } from '../../../src/vm/seed/machine-id-hook.js';
import { partsOf, payloadOf } from './cloud-init-parts.js';

const CONFIG = '#cloud-config\ntimezone: Europe/Berlin\nusers:\n  - default\n';

const HOOK = {
  type: 'text/cloud-boothook',
  filename: 'multipass-machine-id',
  payload: Buffer.from(MACHINE_ID_HOOK).toString('base64'),
};

function hooked(vendorData: string | Buffer): Buffer {
  return withIdentityHook(Buffer.from(vendorData))!;
}

describe('vendor-data with the hook', () => {
  it('is what it was and the hook, as cloud-init reads it', () => {
    const [first, ...rest] = partsOf(hooked(CONFIG));
    expect(first?.type).toBe('text/cloud-config');
    expect(first?.config).toEqual({ timezone: 'Europe/Berlin', users: ['default'] });
    expect(payloadOf(first).toString()).toBe(CONFIG);
    expect(rest).toEqual([HOOK]);
  });

  it.each<[string, Buffer | null]>([
    ['there is none', null],
    ['it is empty', Buffer.alloc(0)],
    ['it is blank', Buffer.from(' \r\n\n')],
  ])('is the hook alone when %s', (_, vendorData) => {
    expect(partsOf(withIdentityHook(vendorData)!)).toEqual([HOOK]);
  });

  it('can still be read by a person', () => {
    expect(hooked(CONFIG).toString()).toContain(`\n\n${CONFIG}\n--`);
  });

  it.each<[string, string, string]>([
    ['a script', 'text/x-shellscript', '#!/bin/sh\necho "a" # --multipass-part-0\n'],
    ['a template', 'text/jinja2', '## template: jinja\n#cloud-config\na: {{ v1.region }}\n'],
    ['a list of addresses', 'text/x-include-url', '#include\nhttps://example.org/a\n'],
    ['a boothook', 'text/cloud-boothook', '#cloud-boothook\n#!/bin/sh\ntrue'],
    ['an archive', 'text/cloud-config-archive', '#cloud-config-archive\n- type: foo/bar\n'],
    ['what it does not know', 'text/plain', 'just: text\n'],
    ['other line ends', 'text/cloud-config', '#cloud-config\r\na: b\r\n\rc: d\n\r'],
    ['other letters', 'text/cloud-config', '#cloud-config\na: grün 漢字 \u{1F600}\u2028\n'],
    ['blank lines around', 'text/cloud-config', '\n\n#CLOUD-CONFIG\na: b\n\n\n'],
    ['no end of the last line', 'text/cloud-config', '#cloud-config\na: b'],
    [
      'a boundary of ours',
      'text/x-shellscript',
      '#!/bin/sh\n--multipass-part-0\n--multipass-part-1--\n',
    ],
    ['a mail in it', 'text/cloud-config', '#cloud-config\na: |\n  MIME-Version: 1.0\n'],
    ['lines of mbox', 'text/cloud-config', '#cloud-config\na: b\nFrom me: ">From"\n'],
  ])('keeps the very bytes of %s', (_, type, text) => {
    const [first, ...rest] = partsOf(hooked(text));
    expect(payloadOf(first).toString()).toBe(text);
    expect(first?.type).toBe(type);
    expect(rest).toEqual([HOOK]);
  });

  it('keeps bytes that are no text', () => {
    const binary = Buffer.from([0x80, 0xff, 0x00, 0x0d, 0x0a, 0xc3, 0x28]);
    const [first] = partsOf(hooked(binary));
    expect(payloadOf(first).equals(binary)).toBe(true);
  });

  it.each(['\n', '\r\n'])(
    'has one part more than the message it was (lines end with %j)',
    (end) => {
      const message = [
        'Content-Type: multipart/mixed; boundary="multipass-part"',
        'MIME-Version: 1.0',
        '',
        '--multipass-part',
        'Content-Type: text/cloud-config',
        '',
        '#cloud-config',
        'a: 1',
        '',
        '--multipass-part',
        'Content-Type: text/x-shellscript; charset="utf-8"',
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: attachment; filename="own.sh"',
        '',
        Buffer.from('#!/bin/sh\necho ü\n').toString('base64'),
        '--multipass-part--',
        '',
      ].join(end);
      const before = partsOf(Buffer.from(message));
      expect(before).toHaveLength(2);
      expect(partsOf(hooked(message))).toEqual([...before, HOOK]);
      expect(hooked(message).includes(message)).toBe(true);
    },
  );

  it('has what a message without its end has, and one of a single part', () => {
    const open = `MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n${CONFIG.trimEnd()}`;
    const single = `From nobody Sat Jan  1\nMime-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n`;
    for (const message of [open, single]) {
      expect(partsOf(hooked(message))).toEqual([...partsOf(Buffer.from(message)), HOOK]);
    }
  });

  it('is the same when it is asked for again', () => {
    for (const text of [CONFIG, '', '#cloud-config\na: ü\n', hooked(CONFIG).toString()]) {
      const once = hooked(text);
      expect(withIdentityHook(once)!.equals(once)).toBe(true);
      expect(hooked(text).equals(once)).toBe(true);
    }
  });

  it('is not to be had of what is compressed', () => {
    const compressed = gzipSync(CONFIG);
    expect(withIdentityHook(compressed)).toBeNull();
    expect(hasIdentityHook(compressed)).toBe(false);
  });

  it('can be looked through, encoded or not', () => {
    for (const text of [CONFIG, '#cloud-config\nssh_deletekeys: false # ü\r\n']) {
      expect(readableVendorData(hooked(text))).toContain(text);
      expect(hasIdentityHook(hooked(text))).toBe(true);
      expect(hasIdentityHook(Buffer.from(text))).toBe(false);
    }
  });

  it('keeps whatever it was', () => {
    const pieces = fc.constantFrom('--', 'multipass-part-0', '\n', '\r', '#', ':', ' ', 'é', 'x');
    fc.assert(
      fc.property(fc.array(pieces, { minLength: 1, maxLength: 30 }), (words) => {
        const text = `#cloud-boothook\n${words.join('')}`;
        const parts = partsOf(hooked(text));
        expect(payloadOf(parts[0]).toString()).toBe(text);
        expect(parts.slice(1)).toEqual([HOOK]);
      }),
      { numRuns: 10 },
    );
  });
});
