import { readdirSync, readFileSync, statSync } from 'node:fs';

/** How a process has a file open. */
export type OpenMode = 'read' | 'write';

/** The access mode in the flags of open(2): O_WRONLY, O_RDWR. */
const WRITING = 0o3;

/**
 * How a process has a file open, as the kernel says: the file is known by device and inode, for what the process calls
 * it may be otherwise in its own mount namespace, or gone.
 * @param file of which the device and inode are asked for
 * @returns each way that it has it open; undefined where there is no /proc to ask, or the process has ended
 */
export function openModes(
  pid: number,
  file: { readonly dev: bigint; readonly ino: bigint },
): ReadonlySet<OpenMode> | undefined {
  const modes = new Set<OpenMode>();
  let descriptors: string[];
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`);
  } catch {
    return undefined;
  }
  for (const descriptor of descriptors) {
    try {
      const { dev, ino } = statSync(`/proc/${pid}/fd/${descriptor}`, { bigint: true });
      if (dev !== file.dev || ino !== file.ino) continue;
      const [, flags = '0'] =
        /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'utf8')) ?? [];
      modes.add((Number.parseInt(flags, 8) & WRITING) === 0 ? 'read' : 'write');
    } catch {
      // It was closed meanwhile.
    }
  }
  return modes;
}
