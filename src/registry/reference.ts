import { MultipassError } from '../errors.js';
import { isDigest, type Digest } from '../files/digest.js';
import { isRegistryHost } from './registry-host.js';

/** What something in a registry is called. */
export interface Reference {
  /** With its port, as the user wrote it. */
  readonly host: string;
  /** The path in the registry. */
  readonly repository: string;
  /** Null where a digest says it. */
  readonly tag: string | null;
  readonly digest: Digest | null;
}

const REPOSITORY =
  /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const LONGEST = 255;
const USUAL_TAG = 'latest';

/**
 * Reads `[host[:port]/]path[:tag][@digest]`, with or without `docker://` before it. The first part is a host where it
 * has a dot or a colon, or is `localhost`. Without tag and digest it is the tag `latest`.
 * @param usualHost what a reference without a host is looked for in; null: such a one is refused
 * @throws MultipassError INVALID_ARGUMENT
 */
export function parseReference(text: string, usualHost: string | null): Reference {
  const refuse = (problem: string, hint = FORM): never => {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `not a reference of a registry: ${JSON.stringify(text.slice(0, 300))}: ${problem}`,
      { hint, details: { reference: text.slice(0, 300) } },
    );
  };
  const written = text.replace(/^docker:\/\//i, '');
  const at = written.indexOf('@');
  const digest = at < 0 ? null : written.slice(at + 1);
  if (digest !== null && !isDigest(digest)) refuse('what stands behind @ is no SHA-256 digest');
  const named = at < 0 ? written : written.slice(0, at);
  const slash = named.indexOf('/');
  const first = named.slice(0, Math.max(0, slash));
  const hasHost = /[.:]/.test(first) || first === 'localhost';
  const host = hasHost ? first : usualHost;
  if (host === null) return refuse('it names no registry', NO_HOST);
  if (!isRegistryHost(host)) refuse(`${JSON.stringify(host)} is no host`);
  const path = hasHost ? named.slice(slash + 1) : named;
  const colon = path.indexOf(':');
  const repository = colon < 0 ? path : path.slice(0, colon);
  const tag = colon < 0 ? null : path.slice(colon + 1);
  if (repository.length > LONGEST || !REPOSITORY.test(repository)) {
    refuse('its path has other than lower-case letters, digits and . _ - between them');
  }
  if (tag !== null && !TAG.test(tag)) refuse(`${JSON.stringify(tag)} is no tag`);
  return { host, repository, tag: digest === null ? (tag ?? USUAL_TAG) : tag, digest };
}

/** A reference as it is written; with a digest it is pinned to what that names. */
export function formatReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${tag === null ? '' : `:${tag}`}${digest === null ? '' : `@${digest}`}`;
}

const FORM = 'Write it as "registry.example.com/team/web:1".';
const NO_HOST =
  'Write the host before it, as in "registry.example.com/team/web:1", or choose one for all such: ' +
  '`multipass set local.registry=registry.example.com`.';
