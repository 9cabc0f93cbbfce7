import { withLineFeeds } from '../../line-feeds.js';
import { MultipassError } from '../../errors.js';
import {
  guestYamlText,
  isScalar,
  nodeOf,
  Pair,
  parseGuestYaml,
  repeatedKeys,
  visit,
  type Document,
} from '../../yaml.js';
import { dataFormat } from './data-format.js';
import { decodeText } from './decode-text.js';
import { EMPTY_CONFIG } from './empty-config.js';
import { checkPyYaml, placeOf } from './py-yaml/check.js';
import { YAML_TAG, type PyMapping, type PyNode } from './py-yaml/node.js';

/** Far beyond what any cloud takes (16 to 64 KiB), and far below what hurts to parse. */
const LARGEST_USER_DATA = 4 * 1024 * 1024;

/** The line that cloud-init knows a cloud-config by. */
const HEADER = /^\s*#cloud-config[ \t]*(?=[\r\n]|$)/i;

/** What it is called where nobody says where it is from. */
const UNNAMED = 'user-data';

/** What a new guest's user-data is made of. */
export interface UserDataRequest {
  /** As the user gave it; null when he gave none. */
  readonly userData: Buffer | null;
  /** Where it is from, for messages: a path or URL. */
  readonly from?: string | undefined;
  /**
   * What is appended to the user's own lists by these names, where he has them, for such a list replaces that of the
   * vendor-data.
   */
  readonly additions: Readonly<Record<string, readonly string[]>>;
}

/**
 * The user-data of a new instance, by Multipass's rules: a cloud-config keeps its text, and only the lists that would
 * hide the vendor's get what is in those, and ends of line that are a lone CR become LF. What cloud-init takes in
 * another format passes byte for byte.
 * @throws MultipassError INVALID_ARGUMENT naming the place, for what is no YAML mapping, no UTF-8, too large, or has
 * nothing but comments
 */
export function newUserData({ userData, from = UNNAMED, additions }: UserDataRequest): Buffer {
  if (userData === null) return Buffer.from(EMPTY_CONFIG);
  const config = cloudConfig(userData, from);
  if (config === null) return userData;
  const { root, text } = config;
  if (root === null) return Buffer.from(EMPTY_CONFIG);
  const merged = hasListFor(root, additions) ? appended(text, additions, from) : text;
  return Buffer.from(/^\s*#cloud-config\s/i.test(merged) ? merged : `#cloud-config\n${merged}`);
}

/**
 * Looks at user-data before anything is made of it.
 * @returns what the user may not have meant although cloud-init takes it, in sentences: keys that are there twice
 * @throws MultipassError INVALID_ARGUMENT as {@link newUserData}
 */
export function checkUserData({
  userData,
  from = UNNAMED,
}: Omit<UserDataRequest, 'additions'>): string[] {
  const config = userData === null ? null : cloudConfig(userData, from);
  const text = config?.root === null ? undefined : config?.text;
  if (text === undefined) return [];
  const document = parsedOrNull(text);
  return (document === null ? [] : repeatedKeys(document)).map(
    ({ key, offset }) =>
      `the key "${key}" in "${from}" is there again ${placeOf(text, offset)}: the last one counts`,
  );
}

/**
 * @returns `root`: null for a text that says nothing
 * @returns null for what cloud-init takes in another format than YAML
 */
function cloudConfig(
  userData: Buffer,
  from: string,
): { root: PyMapping | null; text: string } | null {
  if (userData.length > LARGEST_USER_DATA) {
    throw invalid(from, `it is larger than ${LARGEST_USER_DATA} bytes`);
  }
  const format = dataFormat(userData);
  const isYaml = format === 'cloud-config' || format === 'unknown' || format === 'nothing';
  if (!isYaml || isMessage(userData)) return null;
  const text = textOf(userData, from);
  const root = read(text, from);
  if (root === null || root.tag === `${YAML_TAG}null`) {
    // Settings that are all commented out, or that a wrong end of line made a comment, are seldom meant.
    if (!text.replace(HEADER, '').includes('#')) return { root: null, text };
    throw invalid(from, 'it has comments and no settings');
  }
  if (root.kind !== 'mapping' || root.tag !== `${YAML_TAG}map`) {
    throw invalid(from, 'it is no mapping, as a cloud-config is');
  }
  return { root, text };
}

/** A message without the header that cloud-init looks for is meant as one all the same. */
function isMessage(data: Buffer): boolean {
  return /^\s*content-type:\s*multipart\//i.test(data.toString('latin1', 0, 4096));
}

function textOf(data: Buffer, from: string): string {
  try {
    return withLineFeeds(decodeText(data));
  } catch (error) {
    throw invalid(from, (error as Error).message, error);
  }
}

function read(text: string, from: string): PyNode | null {
  try {
    return checkPyYaml(text);
  } catch (error) {
    throw invalid(from, (error as Error).message, error);
  }
}

/** Whether one of the user's lists would hide the vendor's. */
function hasListFor(root: PyMapping, additions: UserDataRequest['additions']): boolean {
  return root.pairs.some(
    ([key, value]) =>
      key.kind === 'scalar' && Object.hasOwn(additions, key.text) && value.kind === 'list',
  );
}

/** The library that changes texts refuses a few that PyYAML takes; only where one is to be changed does that matter. */
function appended(text: string, additions: UserDataRequest['additions'], from: string): string {
  try {
    const document = parseGuestYaml(text);
    return append(document, additions) ? guestYamlText(document) : text;
  } catch (error) {
    throw invalid(from, (error as Error).message, error);
  }
}

function parsedOrNull(text: string): Document | null {
  try {
    return parseGuestYaml(text);
  } catch {
    return null;
  }
}

/** @returns whether there was something to append */
function append(document: Document, additions: UserDataRequest['additions']): boolean {
  let changed = false;
  visit(document, {
    Seq: (_, list, path) => {
      const pair = path.at(-1);
      // The document, its mapping, and the pair that the list is the value of.
      if (path.length !== 3 || !(pair instanceof Pair) || !isScalar(pair.key)) return;
      const name = String(pair.key.value);
      const has = new Set(list.items.map((item) => (isScalar(item) ? item.value : undefined)));
      const missing = Object.hasOwn(additions, name)
        ? (additions[name] ?? []).filter((item) => !has.has(item))
        : [];
      list.items.push(...missing.map(nodeOf));
      changed ||= missing.length > 0;
    },
  });
  return changed;
}

function invalid(from: string, problem: string, cause?: unknown): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `cannot read "${from}": ${problem}`, {
    hint: 'Give a cloud-config in YAML, or another format that cloud-init knows, such as a script.',
    details: { path: from },
    cause,
  });
}
