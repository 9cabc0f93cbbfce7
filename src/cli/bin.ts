#!/usr/bin/env node
import { homedir } from 'node:os';
import { MultipassError } from '../errors.js';
import { StoreLayout } from '../store/layout.js';
import { storageRoot } from '../store/storage-root.js';
import { readSettings } from '../vm/settings/settings.js';
import type { CliContext, ResultOutput } from './context.js';
import { EXIT, exitCodeOfSignal } from './exit-codes.js';
import { runCli } from './main.js';
import { reportError } from './report-error.js';
import { forTerminal } from './terminal-text.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const interruption = new AbortController();
let received: NodeJS.Signals | undefined;
let isListening = false;
let outputFailed = false;

/**
 * The first signal lets the work clean up. From then on the system does what it does with signals, so that a second one
 * ends us whatever we are in: a loop, or a read that does not return, for which `process.exit` would wait.
 */
function onSignal(signal: NodeJS.Signals): void {
  received = signal;
  // After the listeners of packages, which end us when they find nobody else to hear of this one.
  setImmediate(giveSignalsBack);
  interruption.abort(new MultipassError('ABORTED', `interrupted by ${signal}`));
}

function giveSignalsBack(): void {
  for (const each of SIGNALS) process.removeAllListeners(each);
}

/** What never asks for the signal has nothing to clean up: there the first one is like the second. */
function listen(): AbortSignal {
  if (!isListening) for (const each of SIGNALS) process.on(each, onSignal);
  isListening = true;
  return interruption.signal;
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `multipass list | head` closes the pipe early; that is no failure.
  if (error.code === 'EPIPE' || outputFailed) return;
  outputFailed = true;
  process.exitCode = EXIT.failed;
  process.stderr.write(`cannot write the output: ${error.message}\n`);
});
// There is nobody left to tell: the terminal has hung up, or the reader of the pipe has gone.
process.stderr.on('error', () => undefined);

const { env } = process;
const home = homedir();
const stderr = outputOf(process.stderr);
// Spelt out, for the build puts the version in its place.
const version = process.env['MULTIPASS_TS_VERSION'] ?? '';
const layout = storeLayout();
const context: CliContext = {
  stdin: readStdin,
  stdinPieces: () => process.stdin as AsyncIterable<Buffer>,
  terminal: process.stdin.isTTY && process.stdout.isTTY,
  stdout: outputOf(process.stdout),
  stderr,
  env,
  home,
  get signal() {
    return listen();
  },
  layout,
  version,
  get primary() {
    return readSettings(layout, env).primaryName;
  },
};
const exitCode = await runCli(process.argv.slice(2), context);
// A failure of stdout may show before this point or after it.
process.exitCode ??= exitCode;
if (received !== undefined) {
  // The first process of a container is killed by none; then its exit code says it.
  process.exitCode = exitCodeOfSignal(received);
  giveSignalsBack();
  process.kill(process.pid, received);
}

/** A relative path of the store may lead nowhere; no command can do without. */
function storeLayout(): StoreLayout {
  try {
    return new StoreLayout(storageRoot({ env, home }));
  } catch (error) {
    process.exit(reportError(error, { stderr, version }, false));
  }
}

async function readStdin(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function outputOf(stream: NodeJS.WriteStream): ResultOutput {
  return {
    write: (text) => void stream.write(stream.isTTY ? forTerminal(text) : text),
    writeBytes: async (bytes) =>
      await new Promise<void>((resolve, reject) => {
        const shown = stream.isTTY ? forTerminal(Buffer.from(bytes).toString('utf8')) : bytes;
        stream.write(shown, (error) => {
          if (error) reject(error);
          else resolve();
        });
      }),
    steer: (sequence) => void stream.write(sequence),
    isTerminal: stream.isTTY,
    get columns() {
      // A terminal whose size was never set says 0.
      return stream.isTTY && stream.columns > 0 ? stream.columns : 80;
    },
  };
}
