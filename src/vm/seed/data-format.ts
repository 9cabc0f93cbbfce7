/**
 * What cloud-init takes user-data or vendor-data for:
 * - `nothing`: empty
 * - `cloud-config`: settings in YAML
 * - `code`: something that is run, and has no settings
 * - `mime`, `template`, `include`, `archive`, `patch`, `compressed`: settings that only cloud-init itself gets at
 * - `unknown`: nothing that it knows
 */
export type DataFormat =
  | 'nothing'
  | 'cloud-config'
  | 'code'
  | 'mime'
  | 'template'
  | 'include'
  | 'archive'
  | 'patch'
  | 'compressed'
  | 'unknown';

/** By how the data begins, upper or lower case; of several, the first counts. */
const BEGINNINGS: readonly (readonly [string, DataFormat])[] = [
  ['#cloud-config-archive', 'archive'],
  ['#cloud-config-jsonp', 'patch'],
  ['#cloud-config', 'cloud-config'],
  ['## template: jinja', 'template'],
  ['#include', 'include'],
  ['#!', 'code'],
  ['#cloud-boothook', 'code'],
  ['#part-handler', 'code'],
  ['#upstart-job', 'code'],
];

/** How far cloud-init looks for the header that makes a text a message. */
const HEADER_REACH = 4096;

/** Tells the format as cloud-init does: by how the data begins. */
export function dataFormat(data: Buffer): DataFormat {
  if (data[0] === 0x1f && data[1] === 0x8b) return 'compressed';
  const head = data.toString('latin1', 0, HEADER_REACH).toLowerCase();
  const start = head.trimStart();
  const [, known] = BEGINNINGS.find(([beginning]) => start.startsWith(beginning)) ?? [];
  if (known === 'cloud-config') return known;
  // Such a header counts wherever it is: that of a message need not come first.
  if (head.includes('mime-version:')) return 'mime';
  if (known !== undefined) return known;
  return start === '' && data.length <= HEADER_REACH ? 'nothing' : 'unknown';
}
