import { homedir } from 'node:os';
import { join } from 'node:path';
import { readFileSync, statSync } from 'node:fs';
import { errnoOf, fromSystemError } from '../errors.js';
import { decodeAuthFile, type AuthFile, type Credentials } from './auth-file.js';
import { askCredentialHelper } from './credential-helper.js';

/** The variables that say where logins are. */
export type CredentialEnvironment = Readonly<Record<string, string | undefined>>;

/** No such file comes near it. */
const LARGEST = 1024 ** 2;

/**
 * The login for a registry, from where podman, skopeo and docker keep theirs: `$REGISTRY_AUTH_FILE`, else
 * `$DOCKER_CONFIG/config.json`, `~/.docker/config.json` and `$XDG_RUNTIME_DIR/containers/auth.json`; of each its helper
 * for this host, the login that is written in it, and its store.
 * @param host with its port
 * @param repository the longest beginning that there is a login for counts
 * @returns null when there is none
 * @throws RecordError for a file that cannot be read; MultipassError TOOL_MISSING for a helper that is not there
 */
export async function credentialsFor(
  host: string,
  repository: string,
  env: CredentialEnvironment,
): Promise<Credentials | null> {
  for (const path of authFiles(env)) {
    const file = readAuthFile(path);
    if (file === undefined) continue;
    const found = await lookUp(file, host, repository);
    if (found !== null) return found;
  }
  return null;
}

function authFiles(env: CredentialEnvironment): string[] {
  const given = env['REGISTRY_AUTH_FILE'] ?? '';
  if (given !== '') return [given];
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const docker = env['DOCKER_CONFIG'] ?? '';
  const home = homedir();
  return [
    ...(docker === '' ? [] : [join(docker, 'config.json')]),
    join(home, '.docker', 'config.json'),
    ...(runtime === '' ? [] : [join(runtime, 'containers', 'auth.json')]),
    join(home, '.config', 'containers', 'auth.json'),
  ];
}

async function lookUp(
  { auths, helpers, store }: AuthFile,
  host: string,
  repository: string,
): Promise<Credentials | null> {
  const [server] = keysOf(host);
  const helper = keysOf(host).flatMap((key) => helpers.get(key) ?? [])[0];
  if (helper !== undefined) return await askCredentialHelper(helper, server ?? host);
  const parts = repository.split('/');
  const paths = parts.map(
    (_, index) => `${host}/${parts.slice(0, parts.length - index).join('/')}`,
  );
  for (const key of [...paths, ...keysOf(host)]) {
    const found = auths.get(key);
    if (found !== undefined) return found;
  }
  return store === null ? null : await askCredentialHelper(store, server ?? host);
}

/** What a host is called in such files. */
function keysOf(host: string): string[] {
  const isHub = host === 'docker.io' || host === 'index.docker.io';
  const names = isHub ? ['https://index.docker.io/v1/', 'index.docker.io', 'docker.io'] : [host];
  return names.flatMap((name) => [
    name,
    ...(isHub
      ? []
      : [`https://${name}`, `https://${name}/v1/`, `https://${name}/v2/`, `http://${name}`]),
  ]);
}

function readAuthFile(path: string): AuthFile | undefined {
  try {
    const { size } = statSync(path);
    if (size > LARGEST) return decodeAuthFile(path, '');
    return decodeAuthFile(path, readFileSync(path, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw fromSystemError(error, 'read the logins for registries', path);
  }
}
