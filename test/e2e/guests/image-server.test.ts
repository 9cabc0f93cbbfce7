import { expect } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { ImageServer } from '../../support/image-server.js';
import { expectNothingLeft, test } from './support.js';

test('an instance is launched by the alias that an image server has for it', async ({ guests }) => {
  const disk = await guestImage('tiny');
  const server = await ImageServer.start({ disk, aliases: ['tiny', 'default'], title: '1 LTS' });
  try {
    const env = { MULTIPASS_IMAGE_MIRROR: server.url };
    const found = await guests.ok(['find', 'tiny', '--format', 'csv'], { env });
    expect(found).toContain('tiny');
    const launch = ['launch', 'tiny', '--name', 'served', '--memory', '512M'];
    expect(await guests.ok(launch, { env })).toBe('Launched: served\n');
    expect(await guests.sh('served', 'hostname')).toBe('served');

    // The image is there: another instance needs the server's word on it, and no byte of the disk.
    const requests = server.diskRequests.length;
    server.promisedSha256 = '0'.repeat(64);
    const lied = await guests.multipass(['launch', 'tiny', '--name', 'lied'], { env });
    expect(lied.exitCode).toBe(2);
    expect(lied.stderr).toMatch(/^launch failed: the hash of .* does not match/);
    expect(server.diskRequests.length).toBeGreaterThan(requests);
  } finally {
    await server.close();
  }
  // With no server there is still the image that was asked for by that name.
  const env = { MULTIPASS_IMAGE_MIRROR: server.url };
  const gone = await guests.multipass(['launch', 'other', '--name', 'never'], { env });
  expect(gone.exitCode).toBe(2);
  await expectNothingLeft(guests.layout, { served: 'Running' });
  await guests.ok(['delete', '--purge', 'served']);
  await expectNothingLeft(guests.layout);
});
