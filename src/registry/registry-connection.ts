import { hasCode } from '../errors.js';
import { KeptSockets } from '../http/kept-sockets.js';
import { reachOf, type Reach } from '../http/reach.js';
import { request, type HttpAnswer, type HttpRequest } from '../http/request.js';
import type { Credentials } from './auth-file.js';
import { authoritiesFor } from './authorities.js';
import { parseChallenge, type Challenge } from './challenge.js';
import { credentialsFor, type CredentialEnvironment } from './credentials.js';
import { registryDenied, registryFailed } from './registry-error.js';
import { withRetries, type Patience } from './retry.js';
import { basicOf, fetchToken, type Token } from './token.js';

/** How registries are spoken to. */
export interface RegistryOptions extends Patience {
  /** Hosts, with their ports, that are spoken to by plain http. That is what this host itself always is. */
  readonly insecureHosts: readonly string[];
  /** Says through which proxy, and where logins are. */
  readonly env: CredentialEnvironment;
  /** How long a server may send nothing, in milliseconds. */
  readonly stallMs?: number | undefined;
}

/** One request to a registry. */
export interface RegistryRequest extends Pick<HttpRequest, 'method' | 'headers' | 'body' | 'most'> {
  /** Absolute, or behind `/v2/`. */
  readonly at: URL | string;
  /** What a token has to be good for, such as `repository:team/web:pull`. */
  readonly scopes: readonly string[];
  /** Whether it may be sent again by itself. */
  readonly isRepeatable?: boolean;
}

/**
 * Speaks to one registry: says who we are where it asks for that, asks again where it is busy, and follows what it
 * redirects to without telling anybody else who we are. By https, but for this host itself and those that are named.
 */
export class RegistryConnection {
  readonly host: string;
  readonly #base: URL;
  readonly #options: RegistryOptions;
  readonly #repository: string;
  readonly #sockets = new KeptSockets();
  readonly #authorities: readonly string[] | undefined;
  readonly #tokens = new Map<string, Promise<Token>>();
  #challenge: Challenge | undefined;
  #credentials: Promise<Credentials | null> | undefined;
  #reach: Reach = 3;

  /** @param repository whose login is looked for */
  constructor(host: string, repository: string, options: RegistryOptions) {
    this.host = host;
    this.#repository = repository;
    this.#options = options;
    this.#authorities = authoritiesFor(host, options.env);
    const isPlain = isLoopback(host) || options.insecureHosts.includes(host);
    this.#base = new URL(`${isPlain ? 'http' : 'https'}://${serverOf(host)}/v2/`);
  }

  /**
   * Makes sure that there is a registry, and learns how it wants to be told who asks.
   * @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED
   */
  async greet(scopes: readonly string[]): Promise<void> {
    const answer = await this.ask({ at: '', scopes });
    answer.cancel();
    this.#reach = answer.reach;
    if (answer.status === 200 || answer.status === 403) return;
    throw registryFailed(this.host, `it is none: ${answer.url.href} answers ${answer.status}`);
  }

  /**
   * Asks. Any status is an answer but those that refuse us.
   * @throws MultipassError REGISTRY_DENIED, REGISTRY_FAILED, ABORTED
   */
  async ask(wanted: RegistryRequest): Promise<HttpAnswer> {
    const url = typeof wanted.at === 'string' ? new URL(wanted.at, this.#base) : wanted.at;
    const { signal, env, stallMs } = this.#options;
    const isOurs = url.origin === this.#base.origin;
    const once = async (): Promise<HttpAnswer> => {
      const who = isOurs ? await this.#authorization(wanted.scopes) : {};
      const { method = 'GET', body, most } = wanted;
      const headers = { ...wanted.headers, ...who };
      const how = { signal, env, stallMs, sockets: this.#sockets, authorities: this.#authorities };
      return await request({ url, method, body, most, headers, ...how });
    };
    try {
      const patient = (): Promise<HttpAnswer> =>
        wanted.isRepeatable === false ? once() : withRetries(once, this.#options);
      const answer = await patient();
      if (answer.status !== 401 || !isOurs) return answer;
      answer.cancel();
      const challenge = parseChallenge(answer.header('www-authenticate'));
      // The first answer tells how; later ones that a token has run out.
      if (challenge === undefined) throw await this.denied(wanted.method);
      this.#challenge = challenge;
      this.#reach = answer.reach;
      this.#tokens.delete(keyOf(wanted.scopes));
      const again = await patient();
      if (again.status !== 401) return again;
      again.cancel();
      throw await this.denied(wanted.method);
    } catch (error) {
      if (!hasCode(error, 'DOWNLOAD_FAILED')) throw error;
      throw registryFailed(this.host, reasonOf(error.message), error);
    }
  }

  /** The error (REGISTRY_DENIED) for a request that is refused. */
  async denied(method: RegistryRequest['method'] = 'GET'): Promise<Error> {
    const hadCredentials = (await this.#login()) !== null;
    const what = method === 'GET' || method === 'HEAD' ? 'be read' : 'be written to';
    return registryDenied(this.host, { what, hadCredentials });
  }

  async #authorization(scopes: readonly string[]): Promise<Record<string, string>> {
    if (this.#challenge === undefined) return {};
    const credentials = await this.#login();
    if (this.#challenge.scheme === 'basic') {
      return credentials?.kind === 'password' ? { authorization: basicOf(credentials) } : {};
    }
    return { authorization: `Bearer ${await this.#token(this.#challenge, scopes, credentials)}` };
  }

  async #token(
    challenge: Extract<Challenge, { scheme: 'bearer' }>,
    wanted: readonly string[],
    credentials: Credentials | null,
  ): Promise<string> {
    const key = keyOf(wanted);
    const known = await this.#tokens.get(key)?.catch(() => undefined);
    if (known !== undefined && known.until > performance.now()) return known.text;
    const scopes = wanted.length === 0 && challenge.scope !== null ? [challenge.scope] : wanted;
    const { host, ...rest } = {
      ...{ host: this.host, from: this.#base, most: this.#reach },
      authorities: this.#authorities,
    };
    const fetched = fetchToken({ ...this.#options, ...rest, host, challenge, scopes, credentials });
    this.#tokens.set(key, fetched);
    return (await fetched).text;
  }

  async #login(): Promise<Credentials | null> {
    const { env } = this.#options;
    return await (this.#credentials ??= credentialsFor(this.host, this.#repository, env));
  }
}

function keyOf(scopes: readonly string[]): string {
  return scopes.join(' ');
}

/** Docker Hub is called by another name than its registry. */
function serverOf(host: string): string {
  return host === 'docker.io' || host === 'index.docker.io' ? 'registry-1.docker.io' : host;
}

function isLoopback(host: string): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  return name === 'localhost' || (/^[\d.]+$|:/.test(name) && reachOf(name) === 3);
}

/** Without the words about a download. */
function reasonOf(message: string): string {
  return message.replace(/^cannot download "[^"]*": /, '');
}
