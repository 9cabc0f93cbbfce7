import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { errnoOf, fromSystemError } from '../errors.js';
import type { CredentialEnvironment } from './credentials.js';

/**
 * The certificates of authorities that a registry is believed by, in PEM: the usual ones, and those that docker, podman
 * and skopeo are given for it: each `.crt` in `certs.d/<host>`, and `$SSL_CERT_FILE`.
 * @param host with its port
 * @returns undefined where there are no others than the usual ones
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR for a file that cannot be read
 */
export function authoritiesFor(
  host: string,
  env: CredentialEnvironment,
): readonly string[] | undefined {
  const given = env['SSL_CERT_FILE'] ?? '';
  const paths = [...placesOf(host).flatMap(certificatesIn), ...(given === '' ? [] : [given])];
  if (paths.length === 0) return undefined;
  // What is given takes the place of what Node would believe, this file included.
  const more = env['NODE_EXTRA_CA_CERTS'] ?? '';
  const usual = more === '' ? [] : readIfAny(more);
  return [...rootCertificates, ...usual, ...paths.flatMap(readIfAny)];
}

function placesOf(host: string): string[] {
  const folders = [
    join(homedir(), '.config', 'containers'),
    '/etc/containers',
    join(homedir(), '.config', 'docker'),
    '/etc/docker',
  ];
  return folders.map((folder) => join(folder, 'certs.d', host));
}

function certificatesIn(folder: string): string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.crt'));
    return names.sort().map((name) => join(folder, name));
  } catch (error) {
    if (isNone(error)) return [];
    throw fromSystemError(error, 'read the certificates for a registry', folder);
  }
}

function readIfAny(path: string): string[] {
  try {
    return [readFileSync(path, 'utf8')];
  } catch (error) {
    if (isNone(error)) return [];
    throw fromSystemError(error, 'read the certificates for a registry', path);
  }
}

function isNone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '');
}
