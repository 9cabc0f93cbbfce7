import { MultipassError } from '../errors.js';

/** The variables that proxies come from. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that a URL is asked through: `https_proxy` or `http_proxy`, in small letters or capitals, unless `no_proxy`
 * names its host. As in curl, `no_proxy` is a list of names (each with all below it) and addresses, with or without a
 * port, or `*`.
 * @returns null: the server is asked itself
 * @throws MultipassError SETTING_INVALID when the variable is no http(s) URL
 */
export function proxyFor(url: URL, env: ProxyEnvironment): URL | null {
  const variable = url.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const text = valueOf(variable, env);
  if (text === '' || isExempt(url, valueOf('no_proxy', env))) return null;
  const written = text.includes('://') ? text : `http://${text}`;
  const proxy = URL.canParse(written) ? new URL(written) : null;
  if (proxy !== null && ['http:', 'https:'].includes(proxy.protocol) && proxy.hostname !== '') {
    return proxy;
  }
  throw new MultipassError('SETTING_INVALID', `the variable ${variable} names no HTTP proxy`, {
    hint: `Set ${variable} to something like "http://proxy.example:3128", or unset it.`,
    details: { variable },
  });
}

/** The port of a URL, said or not. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function valueOf(variable: string, env: ProxyEnvironment): string {
  return (env[variable] ?? env[variable.toUpperCase()] ?? '').trim();
}

function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase().replace(/\.$/, '');
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true;
      // The port of an IPv6 address stands behind its brackets; without them all colons are its own.
      const { name = '', port } = /^(?<name>\[.*\]|[^:]*)(?::(?<port>\d+))?$/.exec(entry)
        ?.groups ?? {
        name: `[${entry}]`,
      };
      if (port !== undefined && Number(port) !== portOf(url)) return false;
      const wanted = name.replace(/^\*?\./, '');
      return host === wanted || host === `[${wanted}]` || host.endsWith(`.${wanted}`);
    });
}
