/** What JSON and YAML can say. */
export type PlainData =
  string | number | boolean | null | readonly PlainData[] | { readonly [key: string]: PlainData };

/** `Array.isArray`, which does not narrow a readonly array. */
export function isList(value: PlainData): value is readonly PlainData[] {
  return Array.isArray(value);
}
