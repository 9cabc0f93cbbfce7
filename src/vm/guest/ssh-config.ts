import type { StoreLayout } from '../../store/layout.js';
import type { InstanceReading } from '../read-instance.js';
import { HOST_KEY_ALIAS } from './ssh.js';

/** What hosts of instances end with, so that they are no others'. */
const SUFFIX = '.multipass';
const CONNECT = '__connect';

/** How the hosts are reached. */
export interface SshConfigOptions {
  /** What is run to reach one: the command, as an absolute path or a name in PATH, and options that come first. */
  readonly program: readonly string[];
  /** True: an instance that is stopped is started. */
  readonly start?: boolean | undefined;
}

/**
 * A piece of ssh_config(5) for instances, a host `NAME.multipass` for each. Ports and addresses may change: they are
 * reached by our own `__connect`. Host keys are those that our own ssh has learnt.
 */
export function sshConfigOf(
  layout: StoreLayout,
  readings: readonly InstanceReading[],
  { program, start = false }: SshConfigOptions,
): string {
  const hosts = readings.map(({ name, dir, spec }) => {
    const words = [...program, CONNECT, ...(start ? ['--start'] : []), name, '22'];
    const settings = [
      ['HostName', name],
      ['User', spec.sshUser],
      ...(spec.sshKey === null ? [] : [['IdentityFile', pathValue(layout.key(spec.sshKey))]]),
      ['IdentitiesOnly', 'yes'],
      ['UserKnownHostsFile', pathValue(dir.knownHosts)],
      ['HostKeyAlias', HOST_KEY_ALIAS],
      ['StrictHostKeyChecking', 'accept-new'],
      ['ProxyCommand', words.map(commandWord).join(' ')],
    ];
    const lines = settings.map(([key = '', value = '']) => `    ${key} ${value}`);
    return [`Host ${name}${SUFFIX}`, ...lines].join('\n');
  });
  return hosts.map((host) => `${host}\n`).join('\n');
}

/** Whether such a piece starts instances. */
export function isStarting(text: string): boolean {
  return text.includes(` ${CONNECT} --start `);
}

/** The line that makes ssh read that file. */
export function includeLine(layout: StoreLayout): string {
  return `Include ${quoted(layout.sshConfig)}`;
}

/** ssh takes `%` for the beginning of a token in what are paths. */
function pathValue(path: string): string {
  return quoted(path.replaceAll('%', '%%'));
}

/** Within quotes a backslash and a quote stand for themselves when a backslash is before them (OpenSSH 8.7). */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** A word for the shell that a ProxyCommand is run by, where ssh looks for tokens first. */
function commandWord(word: string): string {
  const plain = /^[A-Za-z0-9_@+=:,./-]+$/.test(word);
  return (plain ? word : `'${word.replaceAll("'", "'\\''")}'`).replaceAll('%', '%%');
}
