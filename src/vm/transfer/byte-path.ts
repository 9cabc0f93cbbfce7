/*
 * Paths as bytes: neither this host nor a guest promises that names are text.
 */

/** A path that a user may give: text, or bytes. */
export type PathLike = string | Uint8Array;

const SLASH = 0x2f;

/** The bytes of a path. */
export function bytesOf(path: PathLike): Buffer {
  return typeof path === 'string' ? Buffer.from(path) : Buffer.from(path);
}

/** A path for people: what is no text in it is replaced. */
export function shown(path: Uint8Array): string {
  return Buffer.from(path).toString('utf8');
}

/** What is called `name` in a folder; '' is the folder where one is, by relative paths. */
export function within(folder: Uint8Array, name: Uint8Array): Buffer {
  if (folder.length === 0) return Buffer.from(name);
  const slash = folder.at(-1) === SLASH ? '' : '/';
  return Buffer.concat([folder, Buffer.from(slash), name]);
}

/** Whether it can only be a folder, by the way it is written. */
export function endsWithSlash(path: Uint8Array): boolean {
  return path.at(-1) === SLASH;
}

/** A path without the slashes at its end; the root stays. */
function withoutSlashes(path: Buffer): Buffer {
  let length = path.length;
  while (length > 1 && path[length - 1] === SLASH) length -= 1;
  return path.subarray(0, length);
}

/** The folder that a path is in: '' where it names none. */
export function folderOf(path: Buffer): Buffer {
  const plain = withoutSlashes(path);
  const at = plain.lastIndexOf(SLASH);
  return at < 0 ? Buffer.alloc(0) : withoutSlashes(plain.subarray(0, at + 1));
}

/** The last name of a path; '' for those that end in none: the root, `.` and `..`. */
export function nameOf(path: Buffer): Buffer {
  const plain = withoutSlashes(path);
  const name = plain.subarray(plain.lastIndexOf(SLASH) + 1);
  return ['', '.', '..'].includes(name.toString('latin1')) ? Buffer.alloc(0) : name;
}

/** Every folder on the way to a path, and the path itself, from the top. */
export function wayTo(path: Buffer): Buffer[] {
  const plain = withoutSlashes(path);
  const ways: Buffer[] = [];
  for (let at = plain.indexOf(SLASH, 1); at > 0; at = plain.indexOf(SLASH, at + 1)) {
    if (plain[at - 1] !== SLASH) ways.push(plain.subarray(0, at));
  }
  return [...ways, plain];
}
