import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { withRecordLock } from '../../src/store/record-lock.js';
import { test } from '../support/store-fixture.js';

describe('who has the lock of a record', () => {
  test('is alone with it, however many ask at once', async ({ store: { layout } }) => {
    const path = join(layout.root, 'a.lock');
    let inside = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 4 }, async () =>
        withRecordLock(path, undefined, async () => {
          inside += 1;
          most = Math.max(most, inside);
          await pause(30);
          inside -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
  });
});
