import { readdirSync, readFileSync } from 'node:fs';
import { open, rm, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { sleep } from '../../abort.js';
import { errnoOf } from '../../errors.js';
import { spawnDetached, WRITE_PID_FILE } from '../../process/detach.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { liveProcessOf } from '../../store/pid-file.js';
import { shellWord } from '../guest/ssh.js';
import { MOUNT_TAG } from './mount-tag.js';
import type { ServerFiles } from './sftp-server.js';

/**
 * What keeps a mount up: a shell that joins a server on the host and a client in the guest, again and again for as long
 * as that run of the instance lasts, whose pid file changes with every start, and whose QEMU holds the instance's lock.
 * It owns no file but its own, so it may be killed at any time, and is ended with its process group. It works in the
 * instance's folder, which is how it is known to be of that one.
 *
 * The FIFO is opened by name once, both ways, which never waits for another side; were it opened by each side, and the
 * folder moved away in between, the first would wait for ever. Only the two sides keep it open, so each sees the
 * other's end.
 */
const KEEP = `pidfile=$1 log=$2 fifo=$3 run=$4 lock=$5 server=$6 client=$7
ours=$(cat "$run")
${WRITE_PID_FILE} || exit 1
lasts() {
  [ "$(cat "$run" 2>/dev/null)" = "$ours" ] || return 1
  flock -n -s "$lock" true 2>/dev/null
  [ $? = 1 ]
}
while rm -f "$fifo" && mkfifo -m 600 "$fifo" && exec 3<>"$fifo" 4</proc/self/fd/3 5>/proc/self/fd/3 3<&-; do
  (cd -P ../.. && exec sh -c "exec $server") <&4 4<&- 5>&- | (cd -P ../.. && exec sh -c "exec $client") >&5 4<&- 5>&- &
  exec 4<&- 5>&-
  wait
  echo "keeper: ended"
  lasts && sleep 3 && lasts || break
  : >"$log"
done
rm -f "$fifo" "$pidfile" "$log"`;

/** The last line of a log whose server or client has ended. */
const ENDED = 'keeper: ended';

const POLL_MS = 20;

/** What a keeper joins; both are run in the store's root. */
export interface Joined {
  readonly server: readonly string[];
  readonly client: readonly string[];
}

/**
 * Starts the keeper of a mount of a running instance; the caller holds the lock of its mounts.
 * @param given what the server needs: the files are there when it starts
 * @throws MultipassError TOOL_MISSING, DISK_FULL
 */
export async function startKeeper(
  { layout, dir, tag }: KeptMount,
  joined: (files: ServerFiles<string>) => Promise<Joined>,
  given: ServerFiles<Buffer>,
): Promise<void> {
  const files = filesOf(dir, tag);
  for (const name of ['passwd', 'filter'] as const) {
    await writeFile(files[name], given[name], { mode: 0o644 });
  }
  const { server, client } = await joined({
    passwd: layout.relative(files.passwd),
    filter: layout.relative(files.filter),
  });
  const output = await open(files.log, 'a', 0o600);
  try {
    await output.truncate();
    const words = [files.pid, files.log, files.fifo, dir.qemuPid, dir.lock].map((path) =>
      relative(dir.path, path),
    );
    const lines = [server, client].map((command) => command.map(shellWord).join(' '));
    const keeper = await spawnDetached('/bin/sh', ['-c', KEEP, 'keeper', ...words, ...lines], {
      cwd: dir.path,
      output: output.fd,
    });
    // Before it has said who it is nobody could end it.
    while (liveProcessOf(files.pid, dir.path) !== keeper.pid && !keeper.hasEnded())
      await sleep(POLL_MS);
  } finally {
    await output.close();
  }
}

/** Which mount is kept. */
export interface KeptMount {
  readonly layout: StoreLayout;
  readonly dir: InstanceDir;
  readonly tag: string;
}

/** Why a mount is not up: what server and client said before they ended; null while they are at it. */
export function lastWordsOf({ dir, tag }: KeptMount): string | null {
  const lines = readLog(filesOf(dir, tag).log)
    .split('\n')
    .filter((line) => line.trim() !== '');
  if (lines.at(-1) !== ENDED) return null;
  return lines.slice(0, -1).slice(-3).join('; ');
}

const PATIENCE_MS = 5000;

/** Ends the keeper of a mount, and the connection that it keeps; resolves when both are gone. */
export async function endKeeper(dir: InstanceDir, tag: string): Promise<void> {
  const { pid, ...others } = filesOf(dir, tag);
  const began = Date.now();
  for (;;) {
    const keeper = liveProcessOf(pid, dir.path);
    if (keeper === undefined) break;
    signalGroup(keeper, Date.now() - began > PATIENCE_MS ? 'SIGKILL' : 'SIGTERM');
    await sleep(POLL_MS);
  }
  for (const file of [pid, ...Object.values(others)]) await rm(file, { force: true });
}

/** Ends every keeper of an instance. */
export async function endKeepers(dir: InstanceDir): Promise<void> {
  for (const tag of keptTags(dir)) await endKeeper(dir, tag);
}

/** The tags of the mounts that keepers keep, or kept, up. */
export function keptTags(dir: InstanceDir): string[] {
  try {
    const names = readdirSync(dir.run).map((name) => name.split('.')[0] ?? '');
    return [...new Set(names)].filter((name) => MOUNT_TAG.test(name));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function filesOf(dir: InstanceDir, tag: string) {
  const file = (ending: string): string => dir.runFile(`${tag}.${ending}`);
  return {
    pid: file('pid'),
    log: file('log'),
    fifo: file('fifo'),
    passwd: file('passwd'),
    filter: file('filter'),
  };
}

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}

function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}
