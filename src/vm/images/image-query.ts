import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { MultipassError } from '../../errors.js';
import { absolutePath } from '../../files/absolute-path.js';

/** What a user asked for: an image of an image server, a download, or a file. */
export type ParsedQuery =
  | {
      readonly type: 'alias';
      /** Null: the remotes that are searched when none is named. */
      readonly remote: string | null;
      /** An alias, a release, or the beginning of a hash. */
      readonly alias: string;
    }
  | { readonly type: 'http'; readonly url: URL }
  /** `docker://` and a reference of a registry, as it was typed. */
  | { readonly type: 'registry'; readonly reference: string }
  /** `paths`: absolute, in the order they are tried, for a `file:` URL may be written with and without escapes. */
  | { readonly type: 'file'; readonly paths: readonly [string, ...string[]] };

/** Stands for the image that is launched when none is named. */
const DEFAULT_ALIAS = 'default';

/**
 * Reads what a user typed as an image: nothing, `[remote:]alias`, an `http(s):`, `file:` or `docker:` URL, or a path
 * (anything with a slash).
 * @throws MultipassError INVALID_ARGUMENT
 */
export function parseImageQuery(text: string): ParsedQuery {
  if (/^https?:/i.test(text)) return { type: 'http', url: parseHttpUrl(text) };
  if (/^docker:\/\//i.test(text)) return { type: 'registry', reference: text };
  if (/^file:\/\//i.test(text)) return { type: 'file', paths: pathsOfFileUrl(text) };
  if (text === '~' || text.startsWith('~/')) {
    return { type: 'file', paths: [resolve(homedir(), text.slice(2))] };
  }
  if (text.includes('/')) return { type: 'file', paths: [absolutePath(text)] };
  const { remote, search } = splitRemote(text);
  return { type: 'alias', remote, alias: search === '' ? DEFAULT_ALIAS : search };
}

/**
 * Takes `remote:search` apart; an empty remote counts as none.
 * @throws MultipassError INVALID_ARGUMENT, with Multipass's text, when there is more than one colon
 */
export function splitRemote(text: string): { remote: string | null; search: string } {
  const parts = text.split(':');
  const [first = '', second] = parts;
  if (parts.length > 2) {
    throw new MultipassError('INVALID_ARGUMENT', 'Invalid remote and search string supplied', {
      hint: 'Write it as "<remote>:<string>", such as "daily:24.04".',
      details: { query: text },
    });
  }
  if (second === undefined) return { remote: null, search: first };
  return { remote: first === '' ? null : first, search: second };
}

function parseHttpUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.hostname === '') {
    throw new MultipassError('INVALID_ARGUMENT', `"${text}" is not a valid URL`, {
      hint: 'Write it as "https://host/path/to/image.img".',
      details: { query: text },
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw new MultipassError('INVALID_ARGUMENT', 'the URL of an image may hold no password', {
      hint: 'Download the image by other means, and give the path of the file.',
      details: { host: url.host },
    });
  }
  return url;
}

function pathsOfFileUrl(text: string): [string, ...string[]] {
  const path = text.slice('file://'.length);
  if (!path.startsWith('/')) {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `Invalid file URL \`${text}\`; did you forget a slash?`,
      { hint: 'Write it as "file:///path/to/image.img".', details: { query: text } },
    );
  }
  try {
    return [path, decodeURIComponent(path)];
  } catch {
    return [path];
  }
}
