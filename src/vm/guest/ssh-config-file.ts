import { existsSync } from 'node:fs';
import { mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';
import { replaceFile } from '../../files/draft.js';
import type { StoreLayout } from '../../store/layout.js';
import { readInstances } from '../list-instances.js';
import type { InstanceReading } from '../read-instance.js';
import { includeLine, isStarting, sshConfigOf, type SshConfigOptions } from './ssh-config.js';

/** The instances that have a host in ssh's configuration: all but deleted and Broken ones. */
export async function sshHosts(layout: StoreLayout): Promise<InstanceReading[]> {
  return (await readInstances(layout)).flatMap(({ view, reading }) =>
    reading === undefined || view.state === 'Broken' || view.state === 'Deleted' ? [] : [reading],
  );
}

/** Writes the file for all instances. @throws MultipassError DISK_FULL, STORE_READ_ONLY, … */
export async function writeSshConfig(
  layout: StoreLayout,
  options: SshConfigOptions,
): Promise<string> {
  const path = layout.sshConfig;
  await put(path, sshConfigOf(layout, await sshHosts(layout), options));
  return path;
}

/** The same, where the file has been asked for, and as it was: whether instances are started stays. */
export async function refreshSshConfig(
  layout: StoreLayout,
  options: Pick<SshConfigOptions, 'program'>,
): Promise<void> {
  if (!existsSync(layout.sshConfig)) return;
  const start = isStarting(await textOf(layout.sshConfig));
  await writeSshConfig(layout, { ...options, start });
}

/** The user's own configuration of ssh. */
export function userConfig(home: string): string {
  return join(home, '.ssh', 'config');
}

/** Whether the user's configuration includes ours. @throws MultipassError PERMISSION_DENIED, IO_ERROR */
export async function isIncluded(layout: StoreLayout, home: string): Promise<boolean> {
  return linesOf(await textOf(userConfig(home))).includes(includeLine(layout));
}

/**
 * Adds one line to the user's configuration, at its beginning: what comes after a `Host` would belong to that. Where
 * the file is a link, what it leads to is changed.
 * @throws MultipassError PERMISSION_DENIED, DISK_FULL, IO_ERROR
 */
export async function include(layout: StoreLayout, home: string): Promise<void> {
  const path = userConfig(home);
  const text = await textOf(path);
  try {
    await mkdir(dirname(path), { mode: 0o700 }).catch((error: unknown) => {
      if (errnoOf(error) !== 'EEXIST') throw error;
    });
    const file = await realpath(path).catch(() => path);
    await put(file, `${includeLine(layout)}\n${text === '' ? '' : `\n${text}`}`);
  } catch (error) {
    throw fromSystemError(error, 'change', path);
  }
}

async function put(path: string, text: string): Promise<void> {
  // Commands that end at the same moment do not wait for each other: the last one's text stays.
  await replaceFile(path, text, { draft: `${path}.${process.pid}.new` });
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw fromSystemError(error, 'read', path);
  }
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.trim());
}
