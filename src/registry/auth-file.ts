import { JsonPlace } from '../files/decoder.js';

/** How a registry is told who asks. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** A token that is exchanged for others. */
  | { readonly kind: 'identity'; readonly token: string };

/** What there is in a file of logins, such as docker's `config.json`. */
export interface AuthFile {
  /** By registry, or by registry and the beginning of a path. */
  readonly auths: ReadonlyMap<string, Credentials>;
  /** Programs that know the login for one registry, by their last names. */
  readonly helpers: ReadonlyMap<string, string>;
  /** The program that knows all others; null: none. */
  readonly store: string | null;
}

/** A name becomes that of a program. */
const HELPER = /^[A-Za-z0-9-]{1,64}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Decodes such a file. Only what is about logins is looked at.
 * @param path for messages
 * @throws RecordError naming the file and the place
 */
export function decodeAuthFile(path: string, text: string): AuthFile {
  const place = JsonPlace.parse(path, text);
  const auths = new Map<string, Credentials>();
  for (const [key, entry] of entriesOf(place.key('auths'))) {
    const found = decodeEntry(entry);
    if (found !== undefined) auths.set(key.replace(/\/$/, key.endsWith('/v1/') ? '/' : ''), found);
  }
  const helpers = new Map<string, string>();
  for (const [key, name] of entriesOf(place.key('credHelpers'))) {
    helpers.set(key, name.matching(HELPER, 'the name of a helper'));
  }
  const store = place.key('credsStore');
  const hasStore = !store.isAbsent() && store.value !== '';
  return {
    auths,
    helpers,
    store: hasStore ? store.matching(HELPER, 'the name of a helper') : null,
  };
}

function entriesOf(place: JsonPlace): [string, JsonPlace][] {
  if (place.isAbsent()) return [];
  return Object.keys(place.object()).map((key) => [key, place.key(key)]);
}

/** An entry without anything in it is a mark that there is something in a store. */
function decodeEntry(place: JsonPlace): Credentials | undefined {
  const identity = place.key('identitytoken');
  if (!identity.isAbsent() && identity.value !== '') {
    return { kind: 'identity', token: identity.string() };
  }
  const auth = place.key('auth');
  if (!auth.isAbsent() && auth.value !== '') {
    const text = Buffer.from(auth.matching(BASE64, 'base64'), 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) return auth.fail('expected base64 of <user>:<password>');
    const password = text.slice(colon + 1).replace(/\0+$/, '');
    return { kind: 'password', user: text.slice(0, colon), password };
  }
  const user = place.key('username');
  if (user.isAbsent()) return undefined;
  return { kind: 'password', user: user.string(), password: place.key('password').string() };
}
