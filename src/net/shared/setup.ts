import { existsSync, readFileSync } from 'node:fs';
import { copyFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../../files/make-folder.js';
import { fromSystemError, MultipassError } from '../../errors.js';
import { findProgram, notInstalled } from '../../process/programs.js';
import { networkProgram, networkTool } from '../bridge/network-tool.js';
import { LAUNCHER } from './makers.js';

/** Where AppArmor's profile of the launcher is. */
export const PROFILE = '/etc/apparmor.d/multipass-ts-unshare';

const RESTRICTION = '/proc/sys/kernel/apparmor_restrict_unprivileged_userns';

/**
 * Lets the launcher make user namespaces, and nothing else: as the profiles that distributions ship for the programs
 * that they let do so.
 */
const PROFILE_TEXT = `# Made by \`multipass network setup\`; \`multipass network remove\` removes it.
abi <abi/4.0>,
include <tunables/global>

profile multipass-ts-unshare ${LAUNCHER} flags=(unconfined) {
  userns,
}
`;

/** One thing that is done to the host as root. */
export interface SetupStep {
  /** In words, with the path that is changed. */
  readonly text: string;
  readonly act: () => Promise<void>;
}

/** Whether this distribution lets nobody but programs that it knows make user namespaces. */
export function isRestricted(): boolean {
  try {
    return readFileSync(RESTRICTION, 'utf8').trim() === '1';
  } catch {
    return false;
  }
}

/**
 * What is to be done once, as root, so that users can have networks that their instances share: nothing where they can
 * already. The steps change two files, each as a whole, and can be taken again.
 */
export function setupSteps(): SetupStep[] {
  if (!isRestricted()) return [];
  return [
    {
      text: `copy unshare to "${LAUNCHER}", for root alone to change`,
      act: async () => {
        const unshare = findProgram('unshare', ['/usr/bin', '/bin']);
        if (unshare === undefined) throw notInstalled('unshare');
        await makeFolder(dirname(LAUNCHER), { mode: 0o755 });
        await install(LAUNCHER, async (path) => await copyFile(unshare, path));
      },
    },
    {
      text: `let that one program make user namespaces, by the AppArmor profile "${PROFILE}"`,
      act: async () => {
        await install(
          PROFILE,
          async (path) => await writeFile(path, PROFILE_TEXT, { mode: 0o644 }),
        );
        await apparmorParser('--replace');
      },
    },
  ];
}

/** What takes all of it away again; nothing where nothing is there. */
export function removalSteps(): SetupStep[] {
  const steps: SetupStep[] = [];
  if (existsSync(PROFILE)) {
    const act = async (): Promise<void> => {
      if (isRestricted()) await apparmorParser('--remove');
      await rm(PROFILE, { force: true });
    };
    steps.push({ text: `remove the AppArmor profile "${PROFILE}"`, act });
  }
  if (existsSync(LAUNCHER)) {
    const act = async (): Promise<void> => {
      await rm(dirname(LAUNCHER), { recursive: true, force: true });
    };
    steps.push({ text: `remove "${LAUNCHER}"`, act });
  }
  return steps;
}

/** @throws MultipassError PERMISSION_DENIED when we are not root */
export function requireRootFor(what: string): void {
  if (process.geteuid?.() === 0) return;
  throw new MultipassError('PERMISSION_DENIED', `\`multipass network ${what}\` changes this host`, {
    hint: `Run it as root: \`sudo multipass network ${what}\`.`,
  });
}

/** Puts a file in its place at once: nobody sees half of it. */
async function install(path: string, write: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.new`;
  try {
    await write(draft);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw fromSystemError(error, 'install', path);
  }
}

async function apparmorParser(action: '--replace' | '--remove'): Promise<void> {
  await networkTool(networkProgram('apparmor_parser'), [action, PROFILE], 'tell AppArmor of it');
}
