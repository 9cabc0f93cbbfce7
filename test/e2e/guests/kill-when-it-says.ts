import { expect } from 'vitest';
import type { RunningCommand } from '../../support/command.js';

/** Kills the command, and nobody else, once it has said this on stderr. */
export async function killWhenItSays(command: RunningCommand, text: string): Promise<void> {
  let said = '';
  command.child.stderr?.on('data', (piece: Buffer) => {
    said += piece.toString('utf8');
    if (said.includes(text)) command.child.kill('SIGKILL');
  });
  const { exitCode } = await command.finished;
  expect({ exitCode, said }).toEqual({
    exitCode: 137,
    said: expect.stringContaining(text) as string,
  });
}
