/** How a registry wants to be told who asks: `WWW-Authenticate`. */
export type Challenge =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer';
      readonly realm: URL;
      readonly service: string | null;
      readonly scope: string | null;
    };

const LONGEST = 8 * 1024;
/** A scheme, or a parameter and its value, quoted or not. */
const WORD =
  /\s*,?\s*(?:([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z][A-Za-z0-9-]*)(?=\s|$|,))/y;

/**
 * Reads the header; of several challenges Bearer is taken before Basic.
 * @returns undefined when there is none that is known
 */
export function parseChallenge(header: string | null): Challenge | undefined {
  if (header === null || header.length > LONGEST) return undefined;
  const found: { scheme: string; parameters: Map<string, string> }[] = [];
  const pattern = new RegExp(WORD);
  for (let word = pattern.exec(header); word !== null; word = pattern.exec(header)) {
    const [, key, quoted, bare, scheme] = word;
    if (scheme !== undefined) {
      found.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    } else {
      const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '';
      found.at(-1)?.parameters.set((key ?? '').toLowerCase(), value);
    }
  }
  for (const { scheme, parameters } of found) {
    const realm = parameters.get('realm') ?? '';
    if (scheme !== 'bearer' || !URL.canParse(realm)) continue;
    return {
      scheme,
      realm: new URL(realm),
      service: parameters.get('service') ?? null,
      scope: parameters.get('scope') ?? null,
    };
  }
  return found.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}
