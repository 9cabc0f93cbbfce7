import type { MountChoices } from '../vm/mounts/mount-folder.js';
import type { CliContext } from './context.js';
import { Spinner } from './spinner.js';
import { tellWhoHolds } from './waiting.js';

/** What is mounted where. */
export interface WantedMount extends MountChoices {
  /** Absolute. */
  readonly source: string;
  readonly name: string;
}

/** Mounts a folder, with Multipass's words on the spinner's line. @returns where it is in the guest */
export async function mountWithProgress(context: CliContext, wanted: WantedMount): Promise<string> {
  const { layout, env, signal } = context;
  const { source, name, target = '' } = wanted;
  const { mountFolder } = await import('../vm/mounts/mount-folder.js');
  const where = target === '' ? name : `${name}:${target}`;
  const spinner = await Spinner.start(context.stderr, `Mounting ${source} into ${where}`);
  try {
    const onWait = tellWhoHolds(context, spinner);
    return await mountFolder({ ...wanted, layout, env, work: { signal, onWait } });
  } finally {
    spinner.stop();
  }
}
