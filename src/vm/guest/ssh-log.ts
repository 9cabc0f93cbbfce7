import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Settings by which ssh says why a connection ended, and whether it had let us in before: at `LogLevel=ERROR` it keeps
 * the former to itself, and at any other it shows the banners of guests. `LogVerbose` is of OpenSSH 8.5; older ones
 * pass over it.
 */
export const TELLING = {
  IgnoreUnknown: 'LogVerbose',
  LogVerbose: [
    'packet.c:sshpkt_vfatal():*',
    'clientloop.c:server_alive_check():*',
    'sshconnect2.c:ssh_userauth2():*',
  ].join(','),
} as const;

/** Who said a line, where that was asked for by {@link TELLING}. */
const ORIGIN = /^(debug\d: )?(\S+\.c:\w+\(\)):\d+ \(pid=\d+\): /;

/** What ssh wrote of itself. */
export interface SshLog {
  /** For people, a line each; nothing when all was well. */
  readonly complaints: string;
  /** Whether it was let in: from then on something may have been run. */
  readonly isAuthenticated: boolean;
}

/** Reads what ssh wrote of itself, with {@link TELLING} or without. */
export function readSshLog(text: string): SshLog {
  const complaints: string[] = [];
  let isAuthenticated = false;
  for (const line of text.split(/\r?\n/)) {
    const [origin = '', debug, source = ''] = ORIGIN.exec(line) ?? [];
    const message = line.slice(origin.length);
    if (source.includes('ssh_userauth2') && message.startsWith('Authenticated to ')) {
      isAuthenticated = true;
    }
    const isForPeople = debug === undefined && !source.includes('ssh_userauth2');
    if (isForPeople && message !== '') complaints.push(message);
  }
  return { complaints: complaints.join('\n'), isAuthenticated };
}

/** Lets `act` run ssh with a file for what it says of itself. */
export async function withSshLog<Result>(
  act: (log: { readonly words: readonly string[]; take(): Promise<string> }) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ssh-'));
  const path = join(folder, 'log');
  const take = async (): Promise<string> => {
    const text = await readFile(path, 'utf8').catch(() => '');
    await rm(path, { force: true });
    return text;
  };
  try {
    return await act({ words: ['-E', path], take });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
