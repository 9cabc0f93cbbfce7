import { basename } from 'node:path';
import { isValidName } from '../names.js';

const ENDINGS =
  /(?:\.(?:tar|gz|tgz|xz|zst|img|qcow2|raw|vmdk|vdi|vhdx?|ova|ovf|box|xml|oci|txz|iso))+$/i;

/** What something is called by the name of its file, without its endings. */
export function titleOf(origin: string): string {
  return basename(origin).replace(ENDINGS, '');
}

/** A name that an instance can have, as near as can be to what was found; undefined when nothing is left of that. */
export function nameFrom(title: string): string | undefined {
  const name = title
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9-]+/g, '-')
    .replace(/^[^A-Za-z]+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return isValidName(name) ? name : undefined;
}
