import fc from 'fast-check';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkUserData, newUserData } from '../../../src/vm/seed/user-data.js';
import { toYaml } from '../../../src/yaml.js';
import { pyYaml } from '../../support/py-yaml.js';

const KEY = 'ssh-rsa AAAA ubuntu@localhost';

const ADDITIONS = { users: ['default'], ssh_authorized_keys: [KEY], packages: ['agent'] };

function userData(given: string | Buffer | null): Buffer {
  return newUserData({
    userData: given === null ? null : Buffer.from(given),
    from: 'init.yaml',
    additions: ADDITIONS,
  });
}

function refusal(problem: string): unknown {
  return expect.objectContaining({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`cannot read "init.yaml": ${problem}`) as string,
    details: { path: 'init.yaml' },
  });
}

describe('user-data that is a cloud-config', () => {
  it.each([[null], [''], ['\n'], ['#cloud-config\n'], ['~'], ['\ufeff']])(
    'says nothing when it says nothing: %j',
    (given) => {
      expect(userData(given).toString()).toBe('#cloud-config\n{}\n');
    },
  );

  it.each([
    '#cloud-config\nruncmd:   [ "a" ]   # mine\n\n\npackages: vim\n',
    '#cloud-config\r\nhostname: 012\r\n',
    '#cloud-config\n# \ufeff \u{1f600}\na: ! b\nc: !!binary aGk=\n',
    '\n#CLOUD-CONFIG\nfoo: { users: [ me ] }\n',
  ])('keeps its very text where there is nothing to add: %j', (given) => {
    expect(userData(given).toString()).toBe(given);
  });

  it.each([
    ['#cloud-config\rhostname: web\rpackages: vim\r'],
    ['hostname: web\r# mine\rpackages: vim'],
    ['#cloud-config\r\nhostname: web\rpackages: vim\r\n'],
  ])('says to PyYAML what it says with lines that end in a lone CR: %j', async (given) => {
    const made = userData(given).toString();
    expect(made).not.toMatch(/\r(?!\n)/);
    expect(made).toMatch(/^#cloud-config\r?\n/);
    expect(await pyYaml(made)).toEqual({ hostname: 'web', packages: 'vim' });
  });

  it('gets the first line that cloud-init knows it by, and loses a byte order mark', () => {
    expect(userData('hostname: web\n').toString()).toBe('#cloud-config\nhostname: web\n');
    const marked = '\ufeff#cloud-config\nhostname: web\n';
    expect(userData(marked).toString()).toBe('#cloud-config\nhostname: web\n');
  });

  it.each([
    ['a: 1\x85b: {c: 1}\x85', { a: 1, b: { c: 1 } }],
    ['a: |\u2028  b\n', { a: 'b\n' }],
    ['# c\u2028hostname: web\n', { hostname: 'web' }],
    ['"a" : &x {}\u2028b: *x\n', { a: {}, b: {} }],
  ])('passes with ends of line that few know: %j', async (given, meaning) => {
    const made = userData(`#cloud-config\n${given}`).toString();
    expect(made).toBe(`#cloud-config\n${given}`);
    expect(await pyYaml(made)).toEqual(meaning);
  });

  it('gets in its lists what the vendor has there, and keeps the rest', () => {
    const given = `#cloud-config
# mine
users:
  - name: me # I
    ssh_authorized_keys: [ mine ]
ssh_authorized_keys: [ "ssh-ed25519 AAAA me" ]
runcmd:
  - [ users, packages ]
`;
    expect(userData(given).toString()).toBe(`#cloud-config
# mine
users:
  - name: me # I
    ssh_authorized_keys: [ mine ]
  - default
ssh_authorized_keys: [ "ssh-ed25519 AAAA me", ${KEY} ]
runcmd:
  - [ users, packages ]
`);
  });

  it('gets nothing twice', () => {
    const given = `#cloud-config\nusers: [default]\nssh_authorized_keys: ['${KEY}']\n`;
    expect(userData(given).toString()).toBe(given);
    expect(userData(userData('users: []\n')).toString()).toBe(userData('users: []\n').toString());
  });

  it('keeps what is no list where a list would be', async () => {
    const given = '#cloud-config\nusers: { me: true }\npackages: vim\nssh_authorized_keys: ~\n';
    expect(userData(given).toString()).toBe(given);
    expect(await pyYaml(given)).toMatchObject({ users: { me: true } });
  });

  it('says to PyYAML what it said, and what was added', async () => {
    const scalar = fc.oneof(fc.string(), fc.constantFrom('no', '0123', '1:20', '~', 'ü', '- a: b'));
    const value = fc.oneof(scalar, fc.array(scalar), fc.dictionary(scalar, scalar));
    const config = fc.record({ users: fc.array(scalar), runcmd: fc.array(value), other: value });
    await fc.assert(
      fc.asyncProperty(config, async (wanted) => {
        const made = await pyYaml(userData(`#cloud-config\n${toYaml(wanted)}`).toString());
        const users = wanted.users.includes('default')
          ? wanted.users
          : [...wanted.users, 'default'];
        expect(made).toEqual({ ...wanted, users });
      }),
      { numRuns: 50 },
    );
  });

  it('keeps tags and anchors that PyYAML reads', async () => {
    const given = `#cloud-config
users: [ &me me, *me ]
write_files:
  - content: !!binary |
      aGVsbG8=
  - content: |
      a
        b
  - content: >-
      c
      d
`;
    const made = await pyYaml(userData(given).toString());
    expect(made).toEqual({ ...((await pyYaml(given)) as object), users: ['me', 'me', 'default'] });
  });
});

describe('checkUserData', () => {
  const check = (given: string): string[] =>
    checkUserData({ userData: Buffer.from(given), from: 'init.yaml' });

  it.each([
    ['#cloud-config\nbootcmd: [a]\nruncmd: []\nbootcmd: [b]\n', 'bootcmd', 4, 1],
    ['disks:\n  - name: me\n    shell: a\n    name: you\n', 'name', 4, 5],
    ['#cloud-config\r\na: {x: 1, "x": 2}\r\n', 'x', 2, 11],
  ])('warns of a key that is there twice, and the text passes: %j', (given, key, line, column) => {
    const place = `at line ${line}, column ${column}`;
    expect(check(given)).toEqual([
      `the key "${key}" in "init.yaml" is there again ${place}: the last one counts`,
    ]);
    expect(userData(given).toString()).toContain(given);
  });

  it('adds to the list that counts', async () => {
    const made = userData('users: [me]\nhostname: a\nusers: [you]\n').toString();
    expect(await pyYaml(made)).toEqual({ hostname: 'a', users: ['you', 'default'] });
  });

  it('has nothing to say of what is as it should be, or in another format', () => {
    for (const given of ['#cloud-config\na: 1\n', '#!/bin/sh\na: 1\na: 2\n', '']) {
      expect(check(given)).toEqual([]);
    }
    expect(checkUserData({ userData: null })).toEqual([]);
  });

  it('refuses what cannot be used', () => {
    expect(() => check('a: [\n')).toThrow(refusal('expected a value'));
  });
});

describe('user-data in another format', () => {
  it.each([
    '#!/bin/bash\r\nusers: [',
    '#include https://example.org/\n',
    '#include-once\nhttps://example.org/\n',
    '#cloud-boothook\ntrue\n',
    '#part-handler\n[',
    '#upstart-job\n[',
    '#cloud-config-archive\n- content: a\n',
    '#cloud-config-jsonp\n[]\n',
    '## template: jinja\n#cloud-config\nusers: [ {{ v1.x }}\n',
    'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x\n',
    'Content-Type: multipart/mixed; boundary="x"\n\n--x\n',
    'From nobody\nMIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n',
  ])('passes byte for byte: %j', (given) => {
    expect(userData(given).toString()).toBe(given);
  });

  it('passes byte for byte when it is compressed, or a script that is no text', () => {
    const compressed = gzipSync('#cloud-config\nusers: []\n');
    expect(userData(compressed).equals(compressed)).toBe(true);
    const script = Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.from([0xff, 0x00, 0x80])]);
    expect(userData(script).equals(script)).toBe(true);
  });
});

describe('user-data that cloud-init could not read', () => {
  it.each([
    ['a: {{ x }}\n', 'a mapping or list cannot be a key', 1, 5],
    ['a: 1\n? [b]\n: c\n', 'a mapping or list cannot be a key', 2, 3],
    ['a: b # \x07\n', 'the character U+0007', 1, 8],
    ['a: 1\nb: "\uffff"\n', 'the character U+FFFF', 2, 5],
    ['a: 1\nb: \x7f\n', 'the character U+007F', 2, 4],
    ['a: !x y\n', 'the tag "!x"', 1, 4],
    ['a: !!python/name:os.system ""\n', 'the tag "tag:yaml.org,2002:python/name:os.system"', 1, 4],
    ['#cloud-config\na:\tb\n', '"\\t" cannot begin anything', 2, 3],
    ['a: 2001-02-30\n', '"2001-02-30" is no timestamp that there is', 1, 4],
    ['b: !!int "x1"\n', '"x1" is no int that there is', 1, 4],
    ['a: { b: = }\n', 'a "=" without quotes cannot be a value', 1, 9],
    ['a: 1\n<<: [b]\n', '"<<" wants a mapping or a list of them, not a text', 2, 6],
    ['a: [*b]\n', 'the alias *b names nothing before it', 1, 5],
    ['a: &b 1\nc: &b 2\n', 'the anchor &b is there twice', 2, 4],
    ['a: 1\n---\nb: 2\n', 'there is more than one document', 2, 1],
    ['%YAML 2.0\n---\na: 1\n', 'version 2 of YAML is not known', 1, 1],
    [`${'k'.repeat(1025)}: 1\n`, 'a second ": " in a line cannot be here', 1, 1026],
    ['a: 1\nfoo bar\nb: 2\n', 'there is no ": " behind a key', 2, 1],
    ['a: b: c\n', 'a second ": " in a line cannot be here', 1, 5],
    ['a: "\\d"\n', '"\\" cannot stand before "d"', 1, 5],
    ['a: @b\n', '"@" cannot begin anything', 1, 4],
  ])('has what PyYAML refuses: %j', async (given, problem, line, column) => {
    await expect(pyYaml(given)).rejects.toThrow('PyYAML refuses');
    expect(() => userData(given)).toThrow(refusal(problem));
    expect(() => userData(given)).toThrow(`at line ${line}, column ${column}`);
  });

  it.each([
    ['# nothing\n'],
    ['#cloud-config\n# hostname: web\n'],
    ['#cloud-config hostname: web\n'],
  ])('has more than comments: %j', (given) => {
    expect(() => userData(given)).toThrow(refusal('it has comments and no settings'));
  });

  it.each([
    ['#cloud-config\npassword: gr\xf6\xdfer\n', 2, 13],
    ['\xe4: 1\n', 1, 1],
    ['#cloud-config\r\na: 1\rb: \xef\xbf\xbd\xc3\xa4\xef\xbf', 3, 6],
  ])('is UTF-8: %j', (given, line, column) => {
    const problem = `it is no UTF-8 text at line ${line}, column ${column}`;
    expect(() => userData(Buffer.from(given, 'latin1'))).toThrow(refusal(problem));
  });

  it.each([
    ['#cloud-config\nusers: [\n', 'expected a value, but found the end of the text at line 3'],
    ['a: b\n  c: d\n', 'a second ": " in a line cannot be here at line 2, column 4'],
    ['hello\n', 'it is no mapping, as a cloud-config is'],
    ['#cloud-config\n- a\n', 'it is no mapping, as a cloud-config is'],
    ['<html></html>\n', 'it is no mapping, as a cloud-config is'],
  ])('is refused with the place: %j', (given, problem) => {
    expect(() => userData(given)).toThrow(refusal(problem));
  });

  it('is refused when it is no UTF-8', () => {
    const latin = Buffer.from('#cloud-config\na: \xfc\n', 'latin1');
    expect(() => userData(latin)).toThrow(refusal('it is no UTF-8 text'));
  });

  it('is refused when it is too large, whatever it is', () => {
    const large = Buffer.alloc(4 * 1024 * 1024 + 1, '#');
    expect(() => userData(large)).toThrow(refusal('it is larger than 4194304 bytes'));
    const fits = Buffer.concat([Buffer.from('#!/bin/sh\n'), large.subarray(11)]);
    expect(userData(fits)).toHaveLength(4 * 1024 * 1024);
  });
});
