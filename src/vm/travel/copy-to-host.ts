import { lstat } from 'node:fs/promises';
import { throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { JsonPlace } from '../../files/decoder.js';
import { pipeProgram, type PipedProgram } from '../../process/connect.js';
import { Work } from '../../work.js';
import { deleteInstance } from '../delete-instance.js';
import { backingChain } from '../disks/backing-chain.js';
import { requireDestinationName } from '../names.js';
import { readInstance } from '../read-instance.js';
import type { CopyToReport, CopyToRequest } from './copy-request.js';
import { exportInstance } from './export-instance.js';
import type { ExportReport } from './export-request.js';
import { isDigest, type Digest } from '../../files/digest.js';
import { intoStream } from './into-stream.js';

/** What ssh takes for a host, and nothing that it or a shell could take for more. */
const HOST = /^(?!-)[A-Za-z0-9_.@:%[\]-]{1,255}$/;
/** What the other side says at most: its result, and its last words. */
const LONGEST_ANSWER = 1024 ** 2;

/**
 * Copies a stopped instance into the store of another host: `export` here, `import` there, with the user's own ssh
 * between them, in one pass. A base that the other host has is not sent. When this rejects, the instance is here as it
 * was, and nothing is there, but for a connection that broke after its last byte: then it may stand there, too.
 * @throws MultipassError INVALID_ARGUMENT for a host that is none; SSH_FAILED when ssh cannot get there;
 *   TRANSFER_FAILED with what the other host said; TOOL_MISSING; as `exportInstance`
 */
export async function copyToHost(request: CopyToRequest): Promise<CopyToReport> {
  const { layout, name, host, as, snapshot, compression, move = false } = request;
  const work = Work.of(request.work);
  requireHost(host);
  if (as !== undefined) requireDestinationName(as);
  if (move && snapshot !== undefined) throw notAsSnapshot();
  const without = await basesThere(request, work);
  const words = [
    ...['import', '-', '--format', 'json'],
    ...(as === undefined ? [] : ['--name', as]),
    ...(move ? ['--keep-identity'] : []),
  ];
  const other = await onHost(host, words);
  const stop = (): void => other.program.stop();
  work.signal?.addEventListener('abort', stop, { once: true });
  let report: ExportReport | undefined;
  let failure: unknown;
  try {
    report = await exportInstance({
      ...{ layout, name, snapshot, compression, without, keepIdentity: move, work },
      target: intoStream(other.program.output),
    });
    other.program.output.end();
  } catch (error) {
    failure = error;
    // What is cut off is refused there. Where it is the other side that has failed, it says why.
    other.program.output.destroy();
  }
  const { code, answer, errors } = await other.answer();
  work.signal?.removeEventListener('abort', stop);
  throwIfAborted(work.signal);
  if (failure instanceof Error && !isBroken(failure)) throw failure;
  if (code !== 0 || report === undefined) throw failed({ host, code, errors, cause: failure });
  const there = resultOf(answer, host);
  if (move) await deleteHere(request, there.uuid, work);
  const kept = report.files.filter(({ travels }) => !travels);
  return {
    name,
    host,
    copy: there.name,
    uuid: there.uuid,
    moved: move,
    bytes: report.bytes,
    bytesThere: kept.reduce((sum, { size }) => sum + size, 0),
  };
}

function requireHost(host: string): void {
  if (HOST.test(host)) return;
  throw new MultipassError('INVALID_ARGUMENT', `not a host: ${JSON.stringify(host)}`, {
    hint: 'Name it as ssh does: `host`, `user@host`, or a name of your ssh configuration.',
    details: { host },
  });
}

function notAsSnapshot(): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', 'a snapshot alone cannot move', {
    hint: 'Copy it, or move the whole instance.',
  });
}

/** Which of its bases the other side has, by what they hold; none where it cannot tell. */
async function basesThere({ layout, name, host }: CopyToRequest, work: Work): Promise<Digest[]> {
  const { dir, disk } = readInstance(layout, name);
  const chain = backingChain(dir, disk);
  if (chain.length === 0) return [];
  const sizes = await Promise.all(chain.map(async (base) => (await lstat(dir.file(base))).size));
  const other = await onHost(host, ['import', '--have', ...sizes.map(String)]);
  const stop = (): void => other.program.stop();
  work.signal?.addEventListener('abort', stop, { once: true });
  other.program.output.end();
  const { code, answer, errors } = await other.answer();
  work.signal?.removeEventListener('abort', stop);
  throwIfAborted(work.signal);
  if (code !== 0) throw failed({ host, code, errors, cause: undefined });
  return answer.split('\n').filter((line) => isDigest(line));
}

interface OnHost {
  readonly program: PipedProgram;
  /** All that it said, once it has ended. */
  answer(): Promise<{ code: number | string; answer: string; errors: string }>;
}

/** Runs `multipass` on another host. The words are ours, or names that were checked: no shell makes more of them. */
async function onHost(host: string, words: readonly string[]): Promise<OnHost> {
  const command = ['multipass', ...words].join(' ');
  const args = ['-T', '-o', 'BatchMode=yes', '--', host, command];
  const program = await pipeProgram('ssh', args, { cwd: '/' });
  let [answer, errors] = ['', ''];
  program.input.setEncoding('utf8').on('data', (piece: string) => {
    if (answer.length < LONGEST_ANSWER) answer += piece;
  });
  program.errors.setEncoding('utf8').on('data', (piece: string) => {
    errors = (errors + piece).slice(-16 * 1024);
  });
  // It may end before it has read all; what it says of that is told.
  program.output.on('error', () => undefined);
  return {
    program,
    answer: async () => ({ code: await program.ended, answer, errors: errors.trim() }),
  };
}

/** Whether it is only that nobody reads any more. */
function isBroken(error: unknown): boolean {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (
      'code' in one &&
      ['EPIPE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET'].includes(
        String(one.code),
      )
    )
      return true;
  }
  return false;
}

function failed({
  host,
  code,
  errors,
  cause,
}: {
  readonly host: string;
  readonly code: number | string;
  readonly errors: string;
  readonly cause: unknown;
}): MultipassError {
  // eslint-disable-next-line no-control-regex -- a stranger's words move no cursor
  const lines = errors.replaceAll(/[\0-\x09\x0b-\x1f\x7f]/g, ' ').split('\n');
  const said = lines.at(-1) ?? '';
  const details = { host, code, lines: lines.slice(0, 20) };
  if (code === 255) {
    return new MultipassError('SSH_FAILED', `ssh could not get to "${host}": ${said}`, {
      hint: `See that \`ssh ${host} true\` works without a question.`,
      details: { host },
      cause,
    });
  }
  const hint =
    code === 127
      ? 'Install this command there, where a login without a terminal finds it.'
      : 'Mend there what it says, then try again; the instance is here as it was.';
  const about = `"${host}" did not take it (exit code ${code})`;
  return new MultipassError('TRANSFER_FAILED', about, { hint, details, cause });
}

function resultOf(answer: string, host: string): { name: string; uuid: string } {
  const place = JsonPlace.parse(`the answer of ${host}`, answer);
  return { name: place.key('imported').string(), uuid: place.key('uuid').string() };
}

/** Softly: whoever has started it meanwhile gets it back. */
async function deleteHere(
  { layout, name }: CopyToRequest,
  uuid: string,
  work: Work,
): Promise<void> {
  const { spec } = readInstance(layout, name);
  if (spec.uuid !== uuid) {
    throw new MultipassError('INSTANCE_CHANGED', `"${name}" is not what was copied any more`, {
      hint: 'Look at both, and delete the one that you do not want.',
      details: { name, uuid },
    });
  }
  await deleteInstance(layout, name, { work, uuid });
}
