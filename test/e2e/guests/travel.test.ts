import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { test } from './support.js';

describe('a guest that was exported', () => {
  test('comes up in another store, lets its key in, and is another machine', async ({ guests }) => {
    const other = join(dirname(guests.layout.root), 'elsewhere');
    const there = { env: { MULTIPASS_STORAGE: other } };
    const archive = join(dirname(guests.layout.root), 'web.tar');
    await guests.launch('web');
    await guests.sh('web', 'echo travelled | sudo tee /written >/dev/null && sync');
    const machineId = await guests.sh('web', 'cat /etc/machine-id');
    await guests.ok(['stop', 'web']);
    await guests.ok(['export', 'web', archive]);
    await guests.ok(['import', archive, '--name', 'copy'], there);
    try {
      await guests.ok(['start', 'copy'], there);
      const asked = ['exec', 'copy', '--', 'sh', '-c', 'cat /written /etc/machine-id; hostname'];
      const [written, id, name] = (await guests.ok(asked, there)).split('\n');
      expect([written, name]).toEqual(['travelled', 'copy']);
      expect(id).toMatch(/^[0-9a-f]{32}$/);
      expect(id).not.toBe(machineId);
      const [was, is] = [
        readInstance(guests.layout, 'web').spec,
        readInstance(new StoreLayout(other), 'copy').spec,
      ];
      expect(is.uuid).not.toBe(was.uuid);
      expect(is.interfaces[0].mac.equals(was.interfaces[0].mac)).toBe(false);
    } finally {
      await guests.multipass(['stop', '--force', 'copy'], there);
    }
  });
});
