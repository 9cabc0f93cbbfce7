/** What is a guard of the core, and where the core is. */

/** Each of these folders, without what is below it, and each of these files. */
export const CORE: readonly string[] = [
  'src/files',
  'src/store',
  'src/vm/clone',
  'src/vm/pending',
  'src/vm/disks',
  'src/vm/snapshots',
  'src/vm/open.ts',
  'src/vm/opened-instance.ts',
  'src/vm/lock-instance.ts',
  'src/vm/read-instance.ts',
  'src/vm/macs.ts',
  'src/vm/sweep.ts',
  'src/vm/store-care.ts',
  'src/vm/names.ts',
  'src/vm/free-name.ts',
  'src/vm/rename-instance.ts',
  'src/vm/delete-instance.ts',
  'src/vm/flatten-instance.ts',
];

/** Calls that do nothing but guard: they make durable, look, or say that somebody may not. */
export const GUARDING_CALL =
  /^(?:f?(?:data)?sync(?:Path|Tree|All)?|require[A-Z]\w*|refuse\w*|assert\w*|throwIfAborted|chmod|checkAndRepairLeaks|confirmVisible|endIfRunning|repair|finishPending)$/;

/** Calls that do a thing in one step, by what does the same in several. */
export const IN_ONE_STEP: Readonly<Record<string, string>> = {
  rename: 'renameInSteps',
  link: 'copyInSteps',
};

/** Calls that hold a lock while their last argument works. */
export const UNDER_LOCK: readonly string[] = ['withRecordLock'];

/** Flags that close a way in. */
export const GUARDING_FLAG = /(?:^|\.)O_(?:NOFOLLOW|EXCL|NONBLOCK)$/;

/** Literals, by what is put in their place. */
export const LITERALS: Readonly<Record<string, string>> = {
  "'wx'": "'w'",
  '0o600': '0o666',
  '0o700': '0o777',
  '0o444': '0o644',
};

/** The same, as values of a property that says how a lock is held. */
export const LOCK_MODES: Readonly<Record<string, string>> = {
  "'exclusive'": "'shared'",
  "'shared'": "'exclusive'",
};
export const LOCK_PROPERTIES: readonly string[] = ['mode', 'hold'];
