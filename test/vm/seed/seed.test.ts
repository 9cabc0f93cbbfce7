import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { MacAddress } from '../../../src/net/mac-address.js';
import type { IsoFile } from '../../../src/vm/seed/iso9660-reader.js';
import { hasIdentityHook } from '../../../src/vm/seed/identity-hook.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';
import {
  readSeed,
  retargetSeed,
  withHostname,
  type SeedIdentity,
} from '../../../src/vm/seed/seed.js';

const OLD = '52:54:00:00:00:01';
const NEW = '52:54:00:00:00:02';

const IDENTITY: SeedIdentity = {
  instanceId: '11111111-2222-4333-8444-555555555555',
  hostname: 'copy',
  interfaces: [{ old: MacAddress.parse(OLD), new: MacAddress.parse(NEW), index: 0, auto: true }],
};

const NETWORK = `#cloud-config
version: 2
ethernets:
  default:
    match:
      macaddress: "${NEW}"
    dhcp4: true
    dhcp-identifier: mac
`;

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'seed-'));
  path = join(dir, 'cloud-init-config.iso');
});
afterEach(() => rm(dir, { recursive: true }));

function file(name: string, content: string | Buffer): IsoFile {
  return { name, data: Buffer.from(content) };
}

/** Retargets the seed with these files, and reads what comes out of it. */
async function retarget(
  files: readonly IsoFile[] | null,
): Promise<{ files: readonly IsoFile[]; told: readonly string[] }> {
  const { image, warnings } = retargetSeed(files, IDENTITY, path);
  await writeFile(path, image);
  return { files: readSeed(path)!, told: warnings };
}

describe('readSeed', () => {
  it('reads the files in the order they have', async () => {
    const files = [
      file('user-data', 'first'),
      file('meta-data', ''),
      file('x', Buffer.alloc(5000)),
    ];
    await writeFile(path, writeIso(files));
    expect(readSeed(path)).toEqual(files);
  });

  it('knows that there is none', () => {
    expect(readSeed(path)).toBeNull();
    expect(readSeed(join(dir, 'no folder', 'seed.iso'))).toBeNull();
  });

  it('refuses what is no ISO image', async () => {
    await writeFile(path, Buffer.alloc(64 * 2048));
    expect(() => readSeed(path)).toThrow(expect.objectContaining({ code: 'ISO_INVALID' }));
  });

  it('never follows a link, opens no folder and waits for no FIFO', async () => {
    const refused = expect.objectContaining({ code: 'SEED_INVALID', details: { path } }) as Error;
    const elsewhere = join(dir, 'elsewhere.iso');
    await writeFile(elsewhere, writeIso([file('meta-data', '')]));
    await symlink(elsewhere, path);
    expect(() => readSeed(path)).toThrow(refused);
    await rm(path);
    await mkdir(path);
    expect(() => readSeed(path)).toThrow(refused);
    await rm(path, { recursive: true });
    await run('mkfifo', [path]);
    expect(() => readSeed(path)).toThrow(`"${path}" is not a regular file`);
  });

  it('refuses one that is absurdly large, unread', async () => {
    await writeFile(path, writeIso([file('meta-data', '')]));
    await truncate(path, 64 * 1024 ** 2 + 1);
    expect(() => readSeed(path)).toThrow(`"${path}" is larger than ${64 * 1024 * 1024} bytes`);
  });

  it('refuses one with folders, which could not be written back', async () => {
    await mkdir(join(dir, 'tree/inner'), { recursive: true });
    await writeFile(join(dir, 'tree/meta-data'), 'instance-id: web\n');
    await writeFile(join(dir, 'tree/inner/file'), 'content');
    const args = ['-quiet', '-J', '-V', 'cidata', '-o', path, join(dir, 'tree')];
    await run('genisoimage', args);
    expect(() => readSeed(path)).toThrow(`"${path}" has folders (inner), which a seed has not`);
  });
});

describe('retargetSeed', () => {
  it('changes instance-id, hostname and MAC, and not one byte of the other files', async () => {
    const binary = Buffer.from([0x1f, 0x8b, 0x00, 0xff, 0x0d, 0x0a, 0x80]);
    const files = [
      file('meta-data', `instance-id: web_e # mine\npublic-keys: [ a ]\nlocal-hostname: web\n`),
      file('vendor-data', `#cloud-config\r\nbootcmd: [ "echo ${OLD} web" ]\r\n`),
      file('user-data', binary),
      file('network-config', NETWORK.replace(NEW, OLD)),
    ];
    const { files: made, told } = await retarget(files);
    const [metaData, vendorData, userData, networkConfig] = made;
    expect(made).toHaveLength(4);
    expect(told).toEqual([]);
    const lines = metaData!.data.toString().split('\n');
    expect(lines).toContain(`instance-id: ${IDENTITY.instanceId} # mine`);
    expect(lines).toContain('local-hostname: copy');
    expect(lines).toContain('public-keys: [ a ]');
    expect(vendorData).toEqual(files[1]);
    expect(userData).toEqual(files[2]);
    expect(networkConfig!.data.toString()).toBe(NETWORK);
  });

  it('keeps the order of the files, and adds what is missing behind them', async () => {
    const given = ['user-data', 'own-file', 'vendor-data'].map((name) => file(name, name));
    const { files } = await retarget(given);
    expect(files.map(({ name }) => name)).toEqual([
      'user-data',
      'own-file',
      'vendor-data',
      'meta-data',
      'network-config',
    ]);
    expect(files.slice(0, 3)).toEqual(given);
    expect(files[4]!.data.toString()).toBe(NETWORK);
  });

  it('makes a whole one where there is none, and says so', async () => {
    const { files, told } = await retarget(null);
    expect(files.map(({ name }) => name)).toEqual([
      'meta-data',
      'vendor-data',
      'user-data',
      'network-config',
    ]);
    const [metaData, vendorData, userData, networkConfig] = files.map(({ data }) =>
      data.toString(),
    );
    expect(metaData).toBe(
      `#cloud-config\ninstance-id: ${IDENTITY.instanceId}\nlocal-hostname: copy\ncloud-name: multipass\n`,
    );
    expect(vendorData).toBe('#cloud-config\n{}\n');
    expect(userData).toBe('#cloud-config\n{}\n');
    expect(networkConfig).toBe(NETWORK);
    expect(told).toEqual([`"${path}" is missing: a new seed was made`]);
  });

  it('comes to the same when it is done twice', async () => {
    const first = retargetSeed(null, IDENTITY, path).image;
    const { files } = await retarget(null);
    const again = {
      ...IDENTITY,
      interfaces: IDENTITY.interfaces.map((card) => ({ ...card, old: card.new })),
    };
    expect(retargetSeed(files, again, path).image.equals(first)).toBe(true);
  });

  it('gives a copy the hook, where it has none yet, and nobody else', () => {
    const seed = [file('vendor-data', '#cloud-config\na: b\n'), file('user-data', '{}')];
    const dataOf = (files: readonly IsoFile[], name: string): Buffer | undefined =>
      files.find((one) => one.name === name)?.data;
    const { files } = retargetSeed(seed, { ...IDENTITY, isCopy: true }, path);
    expect(hasIdentityHook(dataOf(files, 'vendor-data')!)).toBe(true);
    expect(dataOf(files, 'user-data')).toEqual(seed[1]!.data);
    expect(files.map(({ name }) => name).slice(0, 2)).toEqual(['vendor-data', 'user-data']);
    const again = retargetSeed(files, { ...IDENTITY, isCopy: true }, path).files;
    expect(dataOf(again, 'vendor-data')).toEqual(dataOf(files, 'vendor-data'));
    const moved = retargetSeed(seed, IDENTITY, path).files;
    expect(dataOf(moved, 'vendor-data')).toEqual(seed[0]!.data);
    const made = retargetSeed(null, { ...IDENTITY, isCopy: true }, path).files;
    expect(hasIdentityHook(dataOf(made, 'vendor-data')!)).toBe(true);
  });

  it('names the file and the place of what it cannot read', () => {
    const metaData = [file('meta-data', 'instance-id: [')];
    expect(() => retargetSeed(metaData, IDENTITY, path)).toThrow(`${path}:meta-data`);
    const network = [file('network-config', 'version: 2\nethernets: none\n')];
    expect(() => retargetSeed(network, IDENTITY, path)).toThrow(`${path}:network-config`);
    expect(() => retargetSeed(network, IDENTITY, path)).toThrow(
      expect.objectContaining({ code: 'SEED_INVALID' }),
    );
  });
});

describe('withHostname', () => {
  const META = 'instance-id: web_e # mine\nlocal-hostname: web\nother: 012\n';

  it('changes the hostname and nothing else', async () => {
    const files = [
      file('user-data', Buffer.from([0x1f, 0x8b, 0xff])),
      file('meta-data', META),
      file('x', ''),
    ];
    await writeFile(path, writeIso(files));
    await writeFile(path, withHostname(path, 'new-name')!);
    const [userData, metaData, ...rest] = readSeed(path)!;
    expect(userData).toEqual(files[0]);
    expect(rest).toEqual([files[2]]);
    expect(metaData!.data.toString()).toBe(
      `#cloud-config\n${META.replace('hostname: web', 'hostname: new-name')}`,
    );
    expect(withHostname(path, 'new-name')).toBeNull();
  });

  it('adds one that is missing, quoted where it looks like something else', async () => {
    await writeFile(path, writeIso([file('meta-data', 'instance-id: a\n')]));
    await writeFile(path, withHostname(path, 'no')!);
    expect(readSeed(path)![0]!.data.toString()).toBe(
      '#cloud-config\ninstance-id: a\nlocal-hostname: "no"\n',
    );
    expect(withHostname(path, 'no')).toBeNull();
  });

  it('has nothing to do where there is no seed, or no meta-data in it', async () => {
    expect(withHostname(path, 'web')).toBeNull();
    await writeFile(path, writeIso([file('user-data', '')]));
    expect(withHostname(path, 'web')).toBeNull();
  });

  it('names the file that it cannot read', async () => {
    await writeFile(path, writeIso([file('meta-data', '[')]));
    expect(() => withHostname(path, 'web')).toThrow(`${path}:meta-data`);
  });
});
