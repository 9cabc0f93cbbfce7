import type { StoreLayout } from '../../store/layout.js';
import { readInstance } from '../read-instance.js';
import { prepareStore } from '../sweep.js';
import { includeLine, sshConfigOf } from './ssh-config.js';
import { include, isIncluded, sshHosts, userConfig, writeSshConfig } from './ssh-config-file.js';

/** How ssh reaches instances. */
export interface SshConfigWish {
  /** What is run to reach one: the command, as an absolute path or a name in PATH. Default: `multipass`. */
  readonly program?: readonly string[] | undefined;
  /** True: an instance that is stopped is started when it is connected to. */
  readonly start?: boolean | undefined;
  /** These instances alone. Default: all but deleted and Broken ones. */
  readonly names?: readonly string[] | undefined;
}

/** How ssh gets to know instances. */
export interface InstallSshConfigOptions extends Omit<SshConfigWish, 'names'> {
  /** Asked before the user's own configuration gets a line; true lets it. Default: it gets it. */
  readonly confirm?: ((change: { file: string; line: string }) => Promise<boolean>) | undefined;
}

const PROGRAM = ['multipass'];

/** The piece of configuration that is wished for. @throws what opening an instance that is named throws */
export async function sshConfigFor(layout: StoreLayout, wish: SshConfigWish): Promise<string> {
  const { program = PROGRAM, start, names } = wish;
  const readings = names?.map((name) => readInstance(layout, name)) ?? (await sshHosts(layout));
  return sshConfigOf(layout, readings, { program, start });
}

/**
 * Writes the configuration of the store, and has that of the user include it. @returns its path; undefined when it was
 * not let
 */
export async function installSshConfig(
  layout: StoreLayout,
  home: string,
  { program = PROGRAM, start, confirm }: InstallSshConfigOptions,
): Promise<string | undefined> {
  if (!(await isIncluded(layout, home))) {
    const change = { file: userConfig(home), line: includeLine(layout) };
    if (confirm !== undefined && !(await confirm(change))) return undefined;
    await include(layout, home);
  }
  await prepareStore(layout);
  return await writeSshConfig(layout, { program, start });
}
