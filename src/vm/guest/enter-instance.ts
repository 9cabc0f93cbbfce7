import { isatty } from 'node:tty';
import { workingDirectory } from '../../files/absolute-path.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import { lookAt } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { requireGuest } from './open-guest.js';
import { enterGuest, shellWord } from './ssh.js';
import { mapWorkingDirectory } from './working-directory.js';

/** What is run on this process's own streams, and where. */
export interface ShellOptions extends WorkRequest {
  /** A command and its arguments, each reaching it as it is. Default: a login shell. */
  readonly command?: readonly string[] | undefined;
  /**
   * The guest's folder that a command is run in. `mapped`: what this process's own one is in the guest, when a mount
   * holds it, else the home folder; `home`, by default: the home folder.
   */
  readonly folder?:
    | {
        /** A folder of the guest; a relative one is in the home folder. */
        readonly path: string;
      }
    | 'mapped'
    | 'home'
    | undefined;
  /** Whether the streams are a terminal. Default: whether standard input is one. */
  readonly terminal?: boolean | undefined;
  /** Gets what ssh says of itself, in lines, once it has ended. Default: that is a warning. */
  readonly onSshText?: ((text: string) => void) | undefined;
}

/** What is run in which instance. */
export interface EnterRequest extends ShellOptions {
  readonly layout: StoreLayout;
  readonly name: string;
}

/**
 * Runs a command, or a shell, in a running instance.
 * @returns the command's exit code; 255 when ssh failed, which is told why
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_RUNNING, GUEST_SILENT, SSH_FAILED (no key),
 *   TOOL_MISSING, ABORTED
 */
export async function enterInstance(request: EnterRequest): Promise<number> {
  const { layout, name, command = null, terminal = isatty(0) } = request;
  const work = Work.of(request.work);
  const { signal } = work;
  const tell = request.onSshText ?? ((text: string) => work.warn(text.trimEnd()));
  const reading = requireRunning(layout, name);
  const guest = await requireGuest(layout, reading);
  if (command === null) return await enterGuest(guest, { command, terminal, tell, signal });
  const words = command.map(shellWord).join(' ');
  const folder = folderOf(request, reading.spec.mounts);
  const line = folder === null ? words : `cd ${shellWord(folder)} && ${words}`;
  return await enterGuest(guest, { command: line, terminal, tell, signal });
}

function requireRunning(layout: StoreLayout, name: string): InstanceReading {
  return lookAt(layout, name, { for: 'exec', states: ['Running'], disk: 'any' });
}

function folderOf(
  { folder = 'home' }: EnterRequest,
  mounts: Parameters<typeof mapWorkingDirectory>[1],
): string | null {
  if (folder === 'home') return null;
  if (folder !== 'mapped') return folder.path;
  const current = workingDirectory();
  return current === null ? null : mapWorkingDirectory(current, mounts);
}
