import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacAddress } from '../../src/net/mac-address.js';
import { readMetaData, retargetMetaData } from '../../src/net/meta-data.js';
import { newNetworkConfig, retargetNetworkConfig } from '../../src/net/network-config.js';

/** What no file of ours has, so that the file is read and written by the YAML library. */
const COMMENT = '# not as we write it\n';

const mac = fc.uint8Array({ minLength: 3, maxLength: 3 }).map((bytes) =>
  MacAddress.parse(
    `52:54:00:${Buffer.from(bytes)
      .toString('hex')
      .replace(/..(?=.)/g, '$&:')}`,
  ),
);

const interfaces = fc
  .array(fc.record({ mac, auto: fc.boolean(), next: mac }), { minLength: 1, maxLength: 4 })
  .map((items) => items.map((item, index) => ({ ...item, index, old: item.mac, new: item.next })));

const name = fc.oneof(
  fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9-]{0,8}$/),
  fc.constantFrom('no', 'Yes', 'null', 'on', 'y', 'e1', 'x-', 'NaN', 'inf', '0x1f', '1e3', '014'),
);
const identity = fc.record({ instanceId: fc.oneof(name, fc.uuid()), hostname: name });

describe('a network-config as we write it', () => {
  it('is what the YAML library would write', () => {
    fc.assert(
      fc.property(interfaces, (items) => {
        const byLibrary = retargetNetworkConfig('', { interfaces: items.map(asNew) }, 'f').text;
        expect(newNetworkConfig(items)).toBe(byLibrary);
      }),
    );
  });

  it('gets new MACs as the YAML library would give them', () => {
    fc.assert(
      fc.property(interfaces, fc.boolean(), (items, isCopy) => {
        const had = newNetworkConfig(items);
        const change = { interfaces: items, isCopy };
        const quick = retargetNetworkConfig(had, change, 'f');
        const slow = retargetNetworkConfig(commented(had), change, 'f');
        expect(commented(quick.text)).toBe(slow.text);
        expect(quick.warnings).toEqual(slow.warnings);
      }),
    );
  });
});

describe('a meta-data as we write it', () => {
  it('gets another identity as the YAML library would give it', () => {
    fc.assert(
      fc.property(identity, identity, (before, after) => {
        const had = retargetMetaData(null, before, 'f');
        const slow = retargetMetaData(commented(had), after, 'f');
        expect(commented(retargetMetaData(had, after, 'f'))).toBe(slow);
      }),
    );
  });

  it('is read as the YAML library reads it, whatever it says', () => {
    fc.assert(
      fc.property(identity, ({ instanceId, hostname }) => {
        const raw = `#cloud-config\ninstance-id: ${instanceId}\nlocal-hostname: ${hostname}\ncloud-name: multipass\n`;
        expect(readMetaData(raw)).toEqual(readMetaData(commented(raw)));
        const written = retargetMetaData(null, { instanceId, hostname }, 'f');
        expect(readMetaData(written)).toEqual({ instanceId, hostname });
      }),
    );
  });
});

function asNew<T extends { mac: MacAddress }>(item: T): T & { old: MacAddress; new: MacAddress } {
  return { ...item, old: item.mac, new: item.mac };
}

function commented(text: string): string {
  return text.replace('\n', `\n${COMMENT}`);
}
