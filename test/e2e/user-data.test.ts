import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { multipass, type CommandResult } from '../support/command.js';
import { test } from '../support/store-fixture.js';

/** No user-data is looked at before this is found wanting, so it stands for "taken". */
const NO_IMAGE = 'Custom image `/none/image.img` does not exist.';
const LAUNCH = ['launch', '/none/image.img', '--cloud-init'];

type Source = 'file' | 'stdin' | 'URL';

async function launchWith(data: Buffer, source: Source, store: string): Promise<CommandResult> {
  const file = join(store, '../init.yaml');
  await writeFile(file, data);
  if (source === 'file') return await multipass([...LAUNCH, file], { store });
  if (source === 'stdin') {
    const through = ['sh', '-c', `exec "$@" <'${file}'`, 'sh'];
    return await multipass([...LAUNCH, '-'], { store, through });
  }
  const server = createServer((_, response) => void response.end(data)).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return await multipass([...LAUNCH, `http://127.0.0.1:${port}/init.yaml`], { store });
  } finally {
    server.close();
  }
}

describe.each<Source>(['file', 'stdin', 'URL'])('launch --cloud-init from a %s', (source) => {
  test('refuses what cloud-init would lose, with the place', async ({ root }) => {
    for (const [data, problem] of [
      [
        Buffer.from('#cloud-config\npassword: gr\xf6\xdfer\n', 'latin1'),
        'it is no UTF-8 text at line 2, column 13',
      ],
      [Buffer.from('#cloud-config\rhostname:\tweb\r'), '"\\t" cannot begin anything at line 2'],
      [Buffer.from('#cloud-config\nhostname: {{ name }}\n'), 'at line 2, column 12'],
    ] as const) {
      const { stdout, stderr, exitCode } = await launchWith(data, source, root);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 1 });
      expect(stderr).toContain('Could not load cloud-init configuration: cannot read "');
      expect(stderr).toContain(problem);
    }
  });

  test('takes bytes of every format, and warns of a key that is there twice', async ({ root }) => {
    for (const data of [
      gzipSync('#cloud-config\nhostname: web\n'),
      Buffer.concat([Buffer.from('#!/bin/sh\n'), Buffer.from([0xff, 0x00, 0x80])]),
      Buffer.from('#cloud-config\rhostname: web\r'),
    ]) {
      const { stderr } = await launchWith(data, source, root);
      expect(stderr).toContain(`launch failed: ${NO_IMAGE}`);
    }
    const twice = Buffer.from('#cloud-config\nhostname: web\nhostname: shop\n');
    const { stderr } = await launchWith(twice, source, root);
    expect(stderr).toContain('the key "hostname" in ');
    expect(stderr).toContain('is there again at line 3, column 1: the last one counts');
    expect(stderr).toContain(NO_IMAGE);
  });
});
