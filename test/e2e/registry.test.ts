import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { realRegistry } from '../registry/real-registry.js';
import { multipass } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { openStore } from '../../src/index.js';

test('an instance goes through a registry into another store', async ({
  root,
  store: { layout },
}) => {
  await using registry = await realRegistry();
  await makeInstance(layout, 'web', { thin: true });
  const reference = `${registry.host}/team/web:1`;
  const first = await multipass(['push', 'web', reference], { store: root });
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.stdout).toMatch(
    /^Pushed web to \S+\/team\/web:1 \(.* sent.*\)\.\n\S+\/team\/web@sha256:[0-9a-f]{64}\n$/,
  );
  const again = await multipass(['push', 'web', reference, '--format', 'json'], { store: root });
  const pushed = JSON.parse(again.stdout) as { digest: string; pinned: string };
  expect(pushed).toMatchObject({
    pushed: 'web',
    snapshot: null,
    reference,
    pinned: `${registry.host}/team/web@${pushed.digest}`,
    chunks_sent: 0,
  });
  const other = join(root, '..', 'other');
  const words = ['pull', pushed.pinned, '--name', 'copy', '--format', 'json'];
  const { stdout } = await multipass(words, { store: other });
  expect(JSON.parse(stdout)).toMatchObject({
    pulled: 'copy',
    original: 'web',
    digest: pushed.digest,
    bytes_shared: 0,
  });
  const there = openStore(other);
  expect(await expectSoundStore(there.layout)).toEqual(['copy']);
  const disks = [layout.instance('web').disk, there.layout.instance('copy').disk];
  await run('qemu-img', ['compare', '-q', ...disks]);

  const refused = await multipass(['push', 'web', reference, '--no-clobber'], { store: root });
  expect(refused).toMatchObject({ stdout: '', exitCode: 2 });
  expect(refused.stderr).toContain(`"${reference}" is there already`);
  const nowhere = await multipass(['pull', 'team/web'], { store: other });
  expect(nowhere.stderr).toContain('it names no registry');
  for (const line of [['push', 'web'], ['pull'], ['pull', 'a', 'b']]) {
    expect((await multipass(line, { store: root })).exitCode).toBe(1);
  }
});
