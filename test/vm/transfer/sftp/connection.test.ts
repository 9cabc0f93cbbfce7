import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SftpConnection } from '../../../../src/vm/transfer/sftp/connection.js';
import { string, uint32 } from '../../../../src/vm/transfer/sftp/wire.js';

const VERSION = Buffer.concat([uint32(5), Buffer.from([2]), uint32(3)]);

/** An answer of a server, as it is on the wire. */
function answer(id: number, payload: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from([103]), uint32(id), ...string(payload)]);
  return Buffer.concat([uint32(body.length), body]);
}

describe('answers', () => {
  it('reach who asked, in any order and in pieces of any length', async () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 1, maxLength: 8 });
    const cases = fc.record({ payloads, seed: fc.nat(), length: fc.integer({ min: 1, max: 700 }) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ payloads: given, seed, length }) => {
        const [input, output] = [new PassThrough(), new PassThrough()];
        output.resume();
        const opening = SftpConnection.open({ input, output });
        input.write(VERSION);
        const { connection } = await opening;
        const asked = given.map(() => connection.ask(5, []));
        const shuffled = given
          .map((payload, at) => ({ at, bytes: answer(at + 1, Buffer.from(payload)) }))
          .toSorted((a, b) => ((a.at * 7919 + seed) % 13) - ((b.at * 7919 + seed) % 13));
        const all = Buffer.concat(shuffled.map(({ bytes }) => bytes));
        for (let at = 0; at < all.length; at += length) input.write(all.subarray(at, at + length));
        const got = (await Promise.all(asked)).map(({ reader }) => [...reader.string()]);
        expect(got).toEqual(given.map((payload) => [...payload]));
        connection.end(new Error('done'));
      }),
      { numRuns: 60 },
    );
  });

  it('to what was given up are passed over', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    output.resume();
    const interruption = new AbortController();
    const opening = SftpConnection.open({ input, output }, interruption.signal);
    input.write(VERSION);
    const { connection } = await opening;
    const given = connection.ask(5, []);
    interruption.abort();
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(connection.ask(5, [])).rejects.toMatchObject({ code: 'ABORTED' });
    const cleaning = connection.ask(13, [], { anyway: true });
    input.write(answer(1, Buffer.from('late')));
    input.write(answer(2, Buffer.from('clean')));
    expect((await cleaning).reader.string().toString()).toBe('clean');
  });

  it('end for all when the server hangs up', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    output.resume();
    const opening = SftpConnection.open({ input, output });
    input.write(VERSION);
    const { connection } = await opening;
    const waiting = [connection.ask(5, []), connection.ask(5, [])];
    input.end();
    for (const one of waiting) await expect(one).rejects.toThrow('the connection ended');
    await expect(connection.ask(5, [])).rejects.toThrow('the connection ended');
  });
});
