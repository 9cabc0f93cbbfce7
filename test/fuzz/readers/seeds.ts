import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MacAddress } from '../../../src/net/mac-address.js';
import { readMetaData, retargetMetaData } from '../../../src/net/meta-data.js';
import { macsOfNetworkConfig, retargetNetworkConfig } from '../../../src/net/network-config.js';
import { firstBootOf } from '../../../src/vm/seed/first-boot.js';
import { checkPyYaml } from '../../../src/vm/seed/py-yaml/check.js';
import { checkUserData, newUserData } from '../../../src/vm/seed/user-data.js';
import { guestYamlText, parseGuestYaml } from '../../../src/yaml.js';
import { isPlainError, reader, SLOW, texts } from '../reader.js';

/** Files as people write them. */
const YAMLS = ['cloud-config.yaml', 'network-config.yaml', 'styles.yaml'].map((file) =>
  readFileSync(join(import.meta.dirname, '../../vm/seed/py-yaml/corpus', file), 'utf8'),
);

const USER_DATA =
  '#cloud-config\nhostname: a\nssh_deletekeys: no\nvendor_data: {enabled: true}\nruncmd: [ls]\n';
const META_DATA = '#cloud-config\ninstance-id: web\nlocal-hostname: web\ncloud-name: multipass\n';
const NETWORK = `#cloud-config
version: 2
ethernets:
  default:
    match:
      macaddress: "52:54:00:aa:00:00"
    dhcp4: true
    dhcp-identifier: mac
  extra0: {match: {macaddress: "52:54:00:aa:00:01"}, addresses: [10.0.0.2/24], optional: true}
wifis:
  w: {dhcp4: yes}
`;
const ADDITIONS = { ssh_authorized_keys: ['ssh-ed25519 AAAA'], write_files: ['x'] };

const INTERFACES = [0, 1].map((index) => ({
  ...{
    old: MacAddress.parse(`52:54:00:aa:00:0${index}`),
    new: MacAddress.parse(`52:54:00:10:20:3${index}`),
  },
  ...{ index, auto: index === 0 },
}));

export const seeds = [
  reader({
    name: 'guest-yaml',
    share: SLOW,
    grammar: 'yaml',
    samples: () => texts(...YAMLS, NETWORK),
    read: (input) => guestYamlText(parseGuestYaml(input.toString('utf8'))),
    mayThrow: isPlainError,
  }),
  reader({
    name: 'py-yaml',
    grammar: 'yaml',
    samples: () => texts(...YAMLS, USER_DATA),
    read: (input) => checkPyYaml(input.toString('utf8')) !== null,
    mayThrow: isPlainError,
  }),
  reader({
    name: 'user-data',
    share: SLOW,
    grammar: 'yaml',
    samples: () =>
      texts(
        ...YAMLS,
        USER_DATA,
        '#!/bin/sh\ntrue\n',
        'Content-Type: multipart/mixed; boundary=a\n\n--a\n',
      ),
    read: (input) => [
      checkUserData({ userData: input }),
      newUserData({ userData: input, additions: ADDITIONS }),
    ],
  }),
  reader({
    name: 'first-boot',
    share: SLOW,
    grammar: 'yaml',
    samples: () => texts(USER_DATA, ...YAMLS),
    read: (input) =>
      firstBootOf([
        { name: 'user-data', data: input },
        { name: 'vendor-data', data: input },
      ]),
  }),
  reader({
    name: 'meta-data',
    share: SLOW,
    grammar: 'yaml',
    samples: () => texts(META_DATA, '{"instance-id":"a","x":1}', ''),
    read: (input) => {
      const text = input.toString('utf8');
      void readMetaData(text);
      return retargetMetaData(
        text,
        { instanceId: 'new-id', hostname: 'other' },
        'seed.iso:meta-data',
      );
    },
    problem: (text) => {
      const { instanceId, hostname } = readMetaData(text);
      return instanceId === 'new-id' && hostname === 'other'
        ? undefined
        : 'another identity than was given';
    },
  }),
  reader({
    name: 'network-config',
    share: SLOW,
    grammar: 'yaml',
    samples: () => texts(NETWORK, ...YAMLS, 'network:\n  version: 1\n  config: disabled\n', ''),
    read: (input) => {
      const change = { interfaces: INTERFACES, isCopy: true, resetAddresses: true };
      return retargetNetworkConfig(input.toString('utf8'), change, 'seed.iso:network-config').text;
    },
    problem: (text) => {
      const macs = macsOfNetworkConfig(text, 'x').map(({ mac }) => mac.toString());
      const isOld = INTERFACES.some(({ old }) => macs.includes(old.toString()));
      return isOld ? 'an address of the source is left' : undefined;
    },
  }),
];
