/** A mutant that no test kills, and why. */
interface Equivalent {
  readonly key: string;
  readonly why: string;
}

/** Guards whose absence nobody could see in what is promised. */
export const EQUIVALENT: readonly Equivalent[] = [
  {
    key: "src/files/make-folder.ts: check: errnoOf(error) !== 'ENOENT' || parent === path",
    why: 'the second mkdir says what the first one said',
  },
  {
    key: "src/files/make-folder.ts: check: errnoOf(error) !== 'ENOENT'",
    why: 'the second mkdir says what the first one said',
  },
  {
    key: 'src/files/make-folder.ts: check: parent === path',
    why: 'the root of all folders is never missing',
  },
  {
    key: 'src/store/format.ts: check: !(error instanceof RecordError)',
    why: 'no other error has ENOTDIR as its cause',
  },
  {
    key: 'src/store/store-host.ts: literal: 0o600',
    why: 'the root lets nobody else in, and a name of a host is no secret',
  },
  {
    key: "src/store/store-host.ts: literal: 'wx'",
    why: 'the name of the draft is made at random',
  },
  {
    key: 'src/store/maker-lock.ts: check: !(error instanceof MultipassError) && errnoOf(error) === undefined',
    why: 'what is neither of the system nor ours is a bug of the program',
  },
];

const KEYS = new Set(EQUIVALENT.map(({ key }) => key));

/** Whether a mutant is known to be of no consequence. */
export function isEquivalent(key: string): boolean {
  return KEYS.has(key);
}
