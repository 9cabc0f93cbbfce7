import { JsonPlace } from '../files/decoder.js';
import { request, whereTo, type HttpOptions } from '../http/request.js';
import type { Reach } from '../http/reach.js';
import type { Credentials } from './auth-file.js';
import type { Challenge } from './challenge.js';
import { readBody } from './read-body.js';
import { registryDenied, registryFailed } from './registry-error.js';
import { withRetries, type Patience } from './retry.js';

/** A token, and until when it is good. */
export interface Token {
  readonly text: string;
  /** As `performance.now()` tells it. */
  readonly until: number;
}

/** What a token is wanted for. */
export interface TokenRequest extends HttpOptions, Patience {
  readonly host: string;
  /** Where the registry said so. */
  readonly from: URL;
  readonly most: Reach;
  readonly challenge: Extract<Challenge, { scheme: 'bearer' }>;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | null;
}

const LARGEST = 1024 ** 2;
const USUAL_SECONDS = 60;
/** A token that ends in the middle of a request is no use. */
const MARGIN = 0.8;

/**
 * Gets a token where the registry says that there is one.
 * @throws MultipassError REGISTRY_DENIED, REGISTRY_FAILED, DOWNLOAD_FAILED, ABORTED
 */
export async function fetchToken(wanted: TokenRequest): Promise<Token> {
  const { host, from, most, challenge, credentials, signal, env, stallMs, authorities } = wanted;
  const realm = whereTo(from, challenge.realm.href);
  const fields = new URLSearchParams();
  if (challenge.service !== null) fields.append('service', challenge.service);
  const common = { signal, env, stallMs, most, authorities, deadlineMs: 60_000 };
  const ask = async (): ReturnType<typeof request> => {
    if (credentials?.kind === 'identity') {
      const form = new URLSearchParams(fields);
      form.append('grant_type', 'refresh_token');
      form.append('client_id', 'multipass-ts');
      form.append('scope', wanted.scopes.join(' '));
      form.append('refresh_token', credentials.token);
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const body = Buffer.from(form.toString());
      return await request({ ...common, url: realm, method: 'POST', headers, body });
    }
    const url = new URL(realm);
    for (const [key, value] of fields) url.searchParams.append(key, value);
    for (const scope of wanted.scopes) url.searchParams.append('scope', scope);
    const headers = credentials === null ? {} : { authorization: basicOf(credentials) };
    return await request({ ...common, url, headers });
  };
  const answer = await withRetries(ask, wanted);
  if (answer.status === 401 || answer.status === 403 || answer.status === 400) {
    answer.cancel();
    throw registryDenied(host, { what: 'give a token', hadCredentials: credentials !== null });
  }
  if (answer.status !== 200) {
    answer.cancel();
    throw registryFailed(host, `${realm.host} gives no token: it answers ${answer.status}`);
  }
  return decodeToken((await readBody(answer, LARGEST)).toString('utf8'), host);
}

/**
 * Decodes what a token server answers.
 * @throws RecordError
 * @internal for its tests
 */
export function decodeToken(text: string, host: string): Token {
  const place = JsonPlace.parse(`the token of ${host}`, text);
  const token = ['token', 'access_token']
    .map((key) => place.key(key))
    .find((one) => !one.isAbsent() && one.value !== '');
  if (token === undefined) return place.fail('it has no token');
  const seconds = place.key('expires_in');
  const life = seconds.isAbsent() ? USUAL_SECONDS : Math.min(seconds.integer(0), 24 * 3600);
  return {
    // It becomes a header.
    text: token.matching(/^[\x21-\x7e]{1,65536}$/, 'a token'),
    until: performance.now() + life * 1000 * MARGIN,
  };
}

/** The header for Basic. */
export function basicOf({ user, password }: Extract<Credentials, { kind: 'password' }>): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}
