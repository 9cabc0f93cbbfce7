import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { firstBootOf, type FirstBoot } from '../../../src/vm/seed/first-boot.js';
import { withIdentityHook } from '../../../src/vm/seed/identity-hook.js';

const BOTH = ['machine_id', 'ssh_host_keys'];

function firstBoot(userData: string | Buffer, vendorData: string | Buffer = ''): FirstBoot {
  const vendor = Buffer.from(vendorData);
  return firstBootOf([
    { name: 'user-data', data: Buffer.from(userData) },
    { name: 'vendor-data', data: withIdentityHook(vendor) ?? vendor },
  ]);
}

describe('the first boot of a copy', () => {
  it.each([
    '',
    '#cloud-config\n{}\n',
    '#!/bin/sh\nssh_deletekeys: false\n',
    '#cloud-config\nssh_deletekeys: true\n',
    '#cloud-config\nvendor_data: { enabled: true, prefix: [] }\n',
    '#cloud-config\nvendor_data: { disabled_handlers: [ text/x-shellscript ] }\n',
    'just text',
  ])('renews the machine-id and the host keys: %j', (userData) => {
    expect(firstBoot(userData)).toEqual({ renews: BOTH, keeps: [] });
  });

  it.each(['\n', '\r\n', '\r'])('reads lines that end in %j', (end) => {
    const userData = ['#cloud-config', '# mine', 'ssh_deletekeys: false', ''].join(end);
    expect(firstBoot(userData).renews).toEqual(['machine_id']);
  });

  it('renews the machine-id only where vendor-data has the hook', () => {
    expect(firstBootOf([])).toEqual({
      renews: ['ssh_host_keys'],
      keeps: ['the machine-id stays that of the source: vendor-data does not change it'],
    });
    expect(firstBoot('', gzipSync('#cloud-config\n'))).toEqual({
      renews: [],
      keeps: [
        'the machine-id stays that of the source: vendor-data is compressed, and was left alone',
        'the ssh host keys may stay those of the source: vendor-data is compressed',
      ],
    });
  });

  it.each([
    ['hostname: db', [['hostname', 'db']]],
    ['fqdn: "db.example"', [['fqdn', 'db.example']]],
    [
      'hostname: db\nfqdn: db.example',
      [
        ['hostname', 'db'],
        ['fqdn', 'db.example'],
      ],
    ],
  ] as const)('keeps the name that the user gave: %s', (setting, names) => {
    expect(firstBoot(`#cloud-config\n${setting}\n`)).toEqual({
      renews: BOTH,
      keeps: names.map(
        ([key, name]) => `the host name "${name}" stays that of the source: user-data sets ${key}`,
      ),
    });
    expect(firstBoot('#cloud-config\nhostname:\nfqdn: ~\n').keeps).toEqual([]);
  });

  it.each([
    ['vendor_data: { enabled: false }', 'user-data turns vendor_data off'],
    ['vendor_data:\n  enabled: "no"', 'user-data turns vendor_data off'],
    ['vendor_data: off', 'user-data turns vendor_data off'],
    [
      'vendor_data: { disabled_handlers: [text/cloud-boothook] }',
      'user-data turns boothooks of vendor_data off',
    ],
    ['vendor_data: { disabled_handlers: all }', 'user-data turns boothooks of vendor_data off'],
  ])('keeps the machine-id when the user has it so: %s', (setting, reason) => {
    expect(firstBoot(`#cloud-config\n${setting}\n`)).toEqual({
      renews: ['ssh_host_keys'],
      keeps: [`the machine-id stays that of the source: ${reason}`],
    });
  });

  it.each([
    ['ssh_deletekeys: false', 'ssh_deletekeys to false'],
    ['ssh_deletekeys: 0', 'ssh_deletekeys to false'],
    ['ssh_keys: { rsa_private: x }', 'ssh_keys'],
    ['cloud_init_modules: [ write-files ]', 'cloud_init_modules'],
  ])('keeps the host keys when the user has it so: %s', (setting, reason) => {
    expect(firstBoot(`#cloud-config\n${setting}\n`)).toEqual({
      renews: ['machine_id'],
      keeps: [`the ssh host keys stay those of the source: user-data sets ${reason}`],
    });
  });

  it.each([
    '#cloud-config\nssh_deletekeys: false\n',
    '#cloud-config\r\nssh_deletekeys: no # ü\r\n',
  ])('does not promise host keys when vendor-data speaks of them: %j', (vendorData) => {
    expect(firstBoot('', vendorData)).toEqual({
      renews: ['machine_id'],
      keeps: [
        'the ssh host keys may stay those of the source: vendor-data speaks of ssh_deletekeys',
      ],
    });
    const off = '#cloud-config\nvendor_data: { enabled: false }\n';
    expect(firstBoot(off, vendorData).renews).toEqual(['ssh_host_keys']);
  });

  it.each<[string | Buffer, string]>([
    ['MIME-Version: 1.0\nContent-Type: multipart/mixed\n\n', 'a MIME message'],
    ['## template: jinja\n#cloud-config\n', 'a template'],
    ['#include\nhttps://example.org\n', 'a list of addresses'],
    ['#cloud-config-archive\n[]\n', 'a cloud-config-archive'],
    ['#cloud-config-jsonp\n[]\n', 'a patch'],
    [gzipSync('#cloud-config\n'), 'compressed'],
    ['#cloud-config\n[', 'no YAML that could be read'],
  ])('promises nothing where user-data is not looked into: %j', (userData, kind) => {
    expect(firstBoot(userData)).toEqual({
      renews: [],
      keeps: [
        `whether the machine-id and the ssh host keys become new is not known: user-data is ${kind}`,
      ],
    });
  });
});
