import { describe, expect, it } from 'vitest';
import { readMetaData, retargetMetaData } from '../../src/net/meta-data.js';
import { pyYaml } from '../support/py-yaml.js';

const identity = { instanceId: '7c1f0e4e-0000-4000-8000-00000000abcd', hostname: 'web-2' };
const retarget = (text: string | null, hostname = 'web-2'): string =>
  retargetMetaData(text, { ...identity, hostname }, 'seed.iso:meta-data');

describe('retargetMetaData', () => {
  it.each([null, '', '#cloud-config\n', '~\n', '#cloud-config\n{}\n'])(
    'makes the one of Multipass when there is nothing: %j',
    (text) => {
      expect(retarget(text)).toBe(
        `#cloud-config\ninstance-id: ${identity.instanceId}\nlocal-hostname: web-2\ncloud-name: multipass\n`,
      );
    },
  );

  it('changes the two keys in place and keeps the rest with its comments', () => {
    const text = [
      '#cloud-config',
      '# mine',
      'cloud-name: multipass',
      'local-hostname: web # the name',
      'public-keys: { a: yes, b: 014 }',
      'instance-id: web_e_e',
      '',
    ].join('\n');
    expect(retarget(text)).toBe(
      text.replace(': web #', ': web-2 #').replace('web_e_e', identity.instanceId),
    );
  });

  it('adds what is missing, and the first line', () => {
    expect(retarget('dsmode: local\n')).toBe(
      `#cloud-config\ndsmode: local\ninstance-id: ${identity.instanceId}\nlocal-hostname: web-2\n`,
    );
  });

  it('reads JSON', async () => {
    const text =
      '{\n\t"instance-id": "web",\n\t"local-hostname": "web",\n\t"a": [1, "\\u00e9"]\n}\n';
    expect(await pyYaml(retarget(text))).toEqual({
      'instance-id': identity.instanceId,
      'local-hostname': 'web-2',
      a: [1, 'é'],
    });
  });

  it('keeps any hostname a string to cloud-init, over another scalar and as a new key', async () => {
    const names = ['no', 'on', 'null', 'y', '123', '0x1f', '1e3'];
    for (const hostname of names) {
      for (const text of ['local-hostname: b\n', null]) {
        expect(await pyYaml(retarget(text, hostname))).toMatchObject({
          'local-hostname': hostname,
        });
      }
    }
  });

  it.each([
    ['a: [1\n', /^cannot read "seed\.iso:meta-data": Flow sequence.*line 2/],
    ['- a\n', /^cannot read "seed\.iso:meta-data": it is no mapping$/],
    ['['.repeat(10_000), /^cannot read "seed\.iso:meta-data": /],
  ])('refuses what is no mapping, naming file and place (%#)', (text, message) => {
    expect(() => retarget(text)).toThrow(
      expect.objectContaining({
        code: 'SEED_INVALID',
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});

describe('readMetaData', () => {
  it('reads what a retargeted one says', () => {
    expect(readMetaData(retarget(null, 'no'))).toEqual({ ...identity, hostname: 'no' });
    expect(readMetaData('instance-id: 017\n')).toEqual({ instanceId: '017', hostname: null });
  });

  it('says nothing about what it cannot read', () => {
    for (const text of ['', 'a: [1\n', '- a\n', 'instance-id: ~\nlocal-hostname: {}\n']) {
      expect(readMetaData(text)).toEqual({ instanceId: null, hostname: null });
    }
  });
});
