import { sleep, throwIfAborted } from '../../abort.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotFound } from '../errors.js';
import { isValidName } from '../names.js';
import { isRunning, requireFolder } from '../read-instance.js';
import { LogReader } from './log-reader.js';

/** Which log is read, and until when. */
export interface LogOptions {
  /** `console`, by default: what the guest wrote to its serial port; `qemu`: what its QEMU had to say. */
  readonly of?: 'console' | 'qemu' | undefined;
  /** True: goes on with what is written, until the instance has stopped. Default: ends with what is there. */
  readonly follow?: boolean | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Which log of which instance is read. */
export interface LogRequest extends LogOptions {
  readonly layout: StoreLayout;
  readonly name: string;
}

const POLL_MS = 200;

/**
 * Reads a log of an instance, of its last run when it does not run; a megabyte of the console is kept. Takes no lock,
 * and reads no record: a Broken instance has a log, too.
 * @returns the log, in pieces as they come, none of which is empty
 * @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW, ABORTED, PERMISSION_DENIED, IO_ERROR
 */
export async function* readLog(request: LogRequest): AsyncGenerator<string, void> {
  const { layout, name, of = 'console', follow = false, signal } = request;
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
    if (text !== '') yield text;
    if (!goesOn) return;
    await sleep(POLL_MS, signal);
  }
}
