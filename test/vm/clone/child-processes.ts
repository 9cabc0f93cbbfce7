import { readdir, readFile } from 'node:fs/promises';

/** The command lines of the living programs that this process has started. */
export async function childProcesses(): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map(commandIfChild));
  return found.filter((command) => command !== undefined);
}

async function commandIfChild(pid: string): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (parent !== String(process.pid) || state === 'Z') return undefined;
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
  } catch {
    return undefined; // ended meanwhile
  }
}
