import { expect, it } from 'vitest';
import { ownTurn } from '../../src/process/own-turn.js';

it('lets each who waits go on in a turn of its own, in the order in which they came', async () => {
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  count();
  const went: { who: number; turn: number }[] = [];
  await Promise.all(
    Array.from({ length: 20 }, async (_, who) => {
      await ownTurn();
      went.push({ who, turn });
    }),
  );
  isOver = true;
  expect(went.map(({ who }) => who)).toEqual(Array.from({ length: 20 }, (_, who) => who));
  expect(new Set(went.map((one) => one.turn)).size).toBe(20);
});
