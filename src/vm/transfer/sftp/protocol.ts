/** The version that everybody speaks, and OpenSSH alone (draft-ietf-secsh-filexfer-02). */
export const VERSION = 3;

/** Kinds of messages: what is asked, and from 101 on what is answered. */
export const MESSAGE = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extended: 200,
} as const;

/** What a status says. */
export const STATUS = { ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4 } as const;

/** How a file is opened. */
export const OPEN = {
  read: 0x1,
  write: 0x2,
  create: 0x8,
  truncate: 0x10,
  exclusive: 0x20,
} as const;

/** Bytes that one message reads or writes: every server takes that many. */
export const PIECE = 32 * 1024;

/** What a handle may have, by the draft. */
export const LONGEST_HANDLE = 256;

/** A message of a server is that long at most: OpenSSH's own limit. */
export const LONGEST_MESSAGE = 256 * 1024;

/** OpenSSH's rename that takes the place of what is there, as rename(2) does. */
export const POSIX_RENAME = 'posix-rename@openssh.com';
