import { lstatSync } from 'node:fs';
import { errnoOf, hasCode, MultipassError } from '../../errors.js';
import { readRecordIfAny } from '../../files/record.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import { readBridgeRecord } from '../../net/bridge/bridge-record.js';
import type { StoreLayout } from '../../store/layout.js';
import { readAliases } from '../aliases/alias-file.js';
import { isValidName } from '../names.js';
import { readInstance } from '../read-instance.js';
import { readMachine } from '../records/machine-record.js';
import { readMemory } from '../records/memory-record.js';
import { readSeed } from '../seed/seed.js';
import { readSettingsFile } from '../settings/settings-file.js';
import type { BrokenInstanceView } from '../views.js';
import type { Examination, ExaminedInstance } from './examination.js';
import type { FindingKind } from './finding.js';
import { moveAside } from './mends.js';

/** The records of the store as a whole. */
export function checkStoreRecords(examination: Examination): void {
  const { layout } = examination;
  const reads: readonly [path: string, read: () => unknown][] = [
    [layout.formatFile, () => readRecordIfAny(layout.formatFile)?.key('format').integer(1)],
    [layout.settingsFile, () => readSettingsFile(layout)],
    [layout.aliasesFile, () => readAliases(layout)],
    [layout.hostFile, () => readHost(layout)],
    [layout.network, () => readBridgeRecord(layout.network)],
    [layout.network, () => knownGuests(layout.network)],
    [layout.sharedNetwork, () => readBridgeRecord(layout.sharedNetwork)],
    [layout.sharedNetwork, () => knownGuests(layout.sharedNetwork)],
  ];
  for (const [path, read] of reads)
    noteFailure(examination, { kind: 'record-invalid', path, read });
}

function readHost({ hostFile }: StoreLayout): void {
  const place = readRecordIfAny(hostFile);
  place?.key('machine').string();
  place?.key('name').string();
}

/** What keeps instances from being read, and those of their files that only some commands read. */
export function checkInstanceRecords(examination: Examination): void {
  for (const instance of examination.instances) {
    const { name, dir, view, reading } = instance;
    if (view.state === 'Broken') noteBroken(examination, instance, view);
    if (reading === undefined) continue;
    const about = { path: dir.path, instance: name };
    noteFailure(examination, { ...about, kind: 'seed-invalid', read: () => readSeed(dir.seed) });
    noteFailure(examination, { ...about, kind: 'record-invalid', read: () => readMachine(dir) });
    noteFailure(examination, { ...about, kind: 'record-invalid', read: () => readMemory(dir) });
    checkKey(examination, instance);
  }
}

function checkKey(examination: Examination, { name, reading }: ExaminedInstance): void {
  const { layout } = examination;
  const key = reading?.spec.sshKey ?? null;
  if (key === null || lstatSync(layout.key(key), { throwIfNoEntry: false }) !== undefined) return;
  examination.note('key-missing', {
    instance: name,
    path: layout.key(key),
    message: `the ssh key "${key}" of "${name}" is missing: its guest lets nobody in`,
    hint: 'Put the file back from a copy, with mode 0600.',
  });
}

function noteBroken(
  examination: Examination,
  { name, dir }: ExaminedInstance,
  { problem }: BrokenInstanceView,
): void {
  const kind = kindOfBroken(examination.layout, name);
  const isInTheWay = kind === 'not-an-instance';
  examination.note(kind, {
    instance: name,
    path: `${examination.layout.root}/${problem.path}`,
    message: problem.message,
    hint: problem.hint,
    mend: isInTheWay ? moveAside(dir.path) : undefined,
  });
}

/** Why an instance cannot be used, by one more look at it. */
function kindOfBroken(layout: StoreLayout, name: string): FindingKind {
  const { path, disk } = layout.instance(name);
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false) return 'not-an-instance';
  if (!isValidName(name)) return 'name-invalid';
  try {
    readInstance(layout, name);
    // It can be read, so what is wrong is that there is another of its uuid.
    return 'hand-made-copy';
  } catch (error) {
    if (hasCode(error, 'RECORD_INVALID', 'STORE_TOO_NEW')) return 'record-invalid';
    if (!(error instanceof MultipassError)) throw error;
    const isMissing = errnoOf(error.cause) === 'ENOENT';
    if (error.details['path'] === disk) return isMissing ? 'disk-missing' : 'disk-invalid';
    return isMissing ? 'file-missing' : 'record-invalid';
  }
}

interface Read {
  readonly kind: FindingKind;
  readonly instance?: string;
  /** What is to blame where the error does not say. */
  readonly path: string;
  readonly read: () => unknown;
}

function noteFailure(examination: Examination, { kind, instance, path, read }: Read): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    const { message, hint = 'Look at the file.', details } = error;
    const at = typeof details['path'] === 'string' ? details['path'] : path;
    examination.note(kind, { instance, path: at, message, hint });
  }
}
