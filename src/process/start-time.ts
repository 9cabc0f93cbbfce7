import { readFileSync } from 'node:fs';

/**
 * When a process was started, as the kernel counts it (field 22 of /proc/PID/stat); `dead` for a zombie, undefined when
 * unreadable.
 */
export function startTimeOf(pid: string): string | undefined {
  const stat = readIfAny(`/proc/${pid}/stat`);
  // The command name, field 2, may hold blanks and brackets: count from the last one.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? 'dead' : fields?.[19];
}

/** The name of this boot of the host; '' where it has none. */
export function bootId(): string {
  return readIfAny('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
