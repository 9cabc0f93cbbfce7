import { sleep, throwIfAborted } from '../../abort.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotFound } from '../errors.js';
import { isValidName } from '../names.js';
import { isRunning, requireFolder } from '../read-instance.js';
import { LogReader } from './log-reader.js';

/** Which log of which instance is read. */
export interface LogRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  /** `console`: what the guest wrote to its serial port; `qemu`: what its QEMU had to say. Of the last run. */
  readonly of: 'console' | 'qemu';
  /** True: goes on with what is written, until the instance has stopped. */
  readonly follow: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Gets the log, in pieces as they come. */
  readonly onText: (text: string) => void;
}

const POLL_MS = 200;

/**
 * Reads a log of an instance, of its last run when it does not run; a megabyte of the console is kept. Takes no lock,
 * and reads no record: a Broken instance has a log, too.
 * @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW, ABORTED, PERMISSION_DENIED, IO_ERROR
 */
export async function readLog(request: LogRequest): Promise<void> {
  const { layout, name, of, follow, signal, onText } = request;
  if (!isValidName(name) || !checkStoreFormat(layout)) throw instanceNotFound(name);
  const dir = layout.instance(name);
  requireFolder(dir);
  const reader =
    of === 'console'
      ? new LogReader(dir.consoleLog, dir.olderConsoleLog)
      : new LogReader(dir.runFile('qemu.log'));
  // A character may be cut in two between one look and the next.
  const decoder = new TextDecoder();
  for (;;) {
    throwIfAborted(signal);
    // Looked at before the reading: what is written until the end is read, too.
    const goesOn = follow && isRunning(dir);
    const text = decoder.decode(reader.read(), { stream: goesOn });
    if (text !== '') onText(text);
    if (!goesOn) return;
    await sleep(POLL_MS, signal);
  }
}
