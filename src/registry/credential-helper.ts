import { MultipassError } from '../errors.js';
import { JsonPlace } from '../files/decoder.js';
import { connectProgram } from '../process/connect.js';
import { findProgram, notInstalled } from '../process/programs.js';
import type { Credentials } from './auth-file.js';

const LARGEST = 64 * 1024;
/** It may ask the user to unlock something. */
const PATIENCE_MS = 120_000;

/**
 * Asks a helper, as docker and podman do: `docker-credential-<name> get`, the registry on stdin.
 * @param name its last name
 * @returns null when it knows none for it
 * @throws MultipassError TOOL_MISSING, TOOL_FAILED; RecordError for what is no answer
 */
export async function askCredentialHelper(
  name: string,
  server: string,
): Promise<Credentials | null> {
  const called = `docker-credential-${name}`;
  const program = findProgram(called);
  if (program === undefined) {
    throw notInstalled(called, { neededFor: `The logins for ${server} are said to be with it` });
  }
  const helper = await connectProgram(program, ['get'], { cwd: '/' });
  const timer = setTimeout(helper.stop, PATIENCE_MS);
  let text = '';
  helper.input.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).slice(0, LARGEST);
  });
  // It may end before it has read all of it; that is told by its exit code.
  helper.output.on('error', () => undefined);
  helper.output.end(`${server}\n`);
  const code = await helper.ended;
  clearTimeout(timer);
  if (code !== 0) {
    if (/credentials not found/i.test(text + helper.words())) return null;
    throw new MultipassError('TOOL_FAILED', `${called} failed (${code})`, {
      hint: `Try \`echo ${server} | ${called} get\`, or log in anew.`,
      details: { program, server },
    });
  }
  const place = JsonPlace.parse(called, text);
  const user = place.key('Username').string();
  const secret = place.key('Secret').string();
  if (user === '<token>') return { kind: 'identity', token: secret };
  return { kind: 'password', user, password: secret };
}
