import type { StoreLayout } from '../store/layout.js';
import { Work, type WorkRequest } from '../work.js';
import type { ShellOptions } from './guest/enter-instance.js';
import type { ForwardChoice, ForwardedPort } from './forwards/forward-text.js';
import type { ForwardView } from './forwards/forward-view.js';
import type { ExecOptions, ExecResult, SpawnOptions } from './guest/exec-in-guest.js';
import type { GuestProcess } from './guest/guest-process.js';
import type { GuestConsole } from './guest/open-console.js';
import type { WaitCondition, WaitOptions } from './guest/wait-for.js';
import { InstanceHandle } from './instance-handle.js';
import type { Forward } from './records/forward.js';
import type { PathLike } from './transfer/byte-path.js';
import type {
  TransferOptions,
  TransferReport,
  WriteFileOptions,
} from './transfer/transfer-request.js';

/** What can be done inside of an instance that runs. */
export class GuestAccess extends InstanceHandle {
  readonly #layout: StoreLayout;

  /** @internal */
  protected constructor(layout: StoreLayout, name: string) {
    super(layout, name);
    this.#layout = layout;
  }

  /**
   * Runs a program in it to its end, as with text, and gives the bytes that it wrote.
   * @throws MultipassError as with text
   */
  async exec(
    argv: readonly string[],
    options: ExecOptions & { readonly encoding: 'buffer' },
  ): Promise<ExecResult<Buffer>>;
  /**
   * Runs a program in it to its end, without a shell and without a terminal. Any number may run side by side.
   * @param argv the program and its arguments, each reaching it as it is
   * @returns its exit code, whatever that is, and what it wrote: text, or bytes with `encoding: 'buffer'`
   * @throws MultipassError COMMAND_NOT_RUN when there is no such program, folder or user; COMMAND_FAILED for an exit
   *   code other than 0, with `check`; TIMED_OUT; INSTANCE_NOT_RUNNING, SSH_FAILED, HOST_KEY_CHANGED, ABORTED
   * @example
   * ```ts
   * const { stdout } = await vm.exec(['sh', '-c', 'wc -l'], { input: 'one\ntwo\n', check: true });
   * ```
   */
  async exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  async exec(
    argv: readonly string[],
    options: ExecOptions = {},
  ): Promise<ExecResult | ExecResult<Buffer>> {
    const { execInGuest } = await import('./guest/exec-in-guest.js');
    const result = await execInGuest({ ...options, layout: this.#layout, name: this.name, argv });
    if (options.encoding === 'buffer') return result;
    const [stdout, stderr] = [result.stdout.toString('utf8'), result.stderr.toString('utf8')];
    return { ...result, stdout, stderr };
  }

  /**
   * Starts a program in it, and gives its streams; iterating over the program gives its lines.
   * @throws MultipassError as `exec`
   * @example
   * ```ts
   * await using log = await vm.spawn(['tail', '-f', '/var/log/syslog']);
   * for await (const line of log) if (line.includes('ready')) break;
   * ```
   */
  async spawn(argv: readonly string[], options: SpawnOptions = {}): Promise<GuestProcess> {
    const { spawnInGuest } = await import('./guest/spawn-in-guest.js');
    const { signal } = Work.of(options.work);
    return await spawnInGuest({ ...options, layout: this.#layout, name: this.name, argv, signal });
  }

  /**
   * Opens a shell in it on this process's own streams, or runs a command on them, and waits for its end.
   * @returns its exit code; 255 when ssh failed, which is warned of
   * @throws MultipassError INSTANCE_NOT_RUNNING, SSH_FAILED, ABORTED
   */
  async shell(options: ShellOptions = {}): Promise<number> {
    const { enterInstance } = await import('./guest/enter-instance.js');
    return await enterInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Connects to its serial console, which nobody else has meanwhile; at the end of an `await using` block it is left.
   * It needs no network, and no ssh.
   * @throws MultipassError INSTANCE_NOT_RUNNING; CONSOLE_UNAVAILABLE when somebody has it; ABORTED
   */
  async console(options: WorkRequest = {}): Promise<GuestConsole> {
    const { openConsole } = await import('./guest/open-console.js');
    const { signal } = Work.of(options.work);
    return await openConsole({ layout: this.#layout, name: this.name, signal });
  }

  /**
   * Waits until something is so in it: until something listens on a port, a program succeeds, a file is there, or the
   * end of its console matches.
   * @throws MultipassError TIMED_OUT, with what was seen at last; INSTANCE_NOT_RUNNING, INVALID_ARGUMENT, ABORTED
   */
  async waitFor(condition: WaitCondition, options: WaitOptions = {}): Promise<void> {
    const { waitForGuestTo } = await import('./guest/wait-for.js');
    await waitForGuestTo({ ...options, layout: this.#layout, name: this.name, condition });
  }

  /**
   * Forwards a port of the host into it: now if it runs, and at every start to come.
   * @returns the forward, as its spec has it
   * @throws MultipassError PORT_TAKEN, INVALID_ARGUMENT, PERMISSION_DENIED, NETWORK_FAILED, INSTANCE_DELETED, …
   * @example
   * ```ts
   * await vm.forward({ host: 8080, guest: 80 });
   * ```
   */
  async forward(forward: ForwardChoice, options: WorkRequest = {}): Promise<Forward> {
    const { addForward } = await import('./forwards/add-forward.js');
    return await addForward({ ...options, layout: this.#layout, name: this.name, forward });
  }

  /** Ends a forward, for good. @returns what it was @throws MultipassError FORWARD_NOT_FOUND, INSTANCE_DELETED, … */
  async unforward(forward: ForwardedPort, options: WorkRequest = {}): Promise<Forward> {
    const { removeForward } = await import('./forwards/remove-forward.js');
    return await removeForward({ ...options, layout: this.#layout, name: this.name, forward });
  }

  /** Its forwards, and what has become of each. */
  async forwards(): Promise<ForwardView[]> {
    const { forwardsOfOne } = await import('./forwards/list-forwards.js');
    return await forwardsOfOne(this.#layout, this.name);
  }

  /**
   * Copies files and folders of this host into it, with their permissions; a relative target is in the home folder of
   * its user. Files appear whole, under their final names, or not at all.
   * @param target a folder, or the name that one source shall have there
   * @throws MultipassError INSTANCE_NOT_RUNNING, SSH_FAILED, HOST_KEY_CHANGED, ABORTED; TRANSFER_FAILED for a file,
   *   SEVERAL for several, when everything else was copied
   */
  async upload(
    source: PathLike | readonly PathLike[],
    target: PathLike,
    options: TransferOptions = {},
  ): Promise<TransferReport> {
    const { upload } = await import('./transfer/upload.js');
    const about = { layout: this.#layout, name: this.name, sources: listOf(source), target };
    return await upload({ ...options, ...about });
  }

  /**
   * Copies files and folders of it to this host. Nothing comes to lie outside of the target, whatever the guest says;
   * links that would lead out of it are left out, with a warning.
   * @param target a folder, or the name that one source shall have here
   * @throws MultipassError as {@link GuestAccess.upload}; DISK_FULL
   */
  async download(
    source: PathLike | readonly PathLike[],
    target: PathLike,
    options: TransferOptions = {},
  ): Promise<TransferReport> {
    const { download } = await import('./transfer/download.js');
    const sources = listOf(source).map((path) => ({ name: this.name, path }));
    return await download({ ...options, layout: this.#layout, sources, target });
  }

  /**
   * Writes a file of it, which appears whole, under its final name, or not at all.
   * @param target a relative one is in the home folder of its user
   * @throws MultipassError as {@link GuestAccess.upload}; what the content throws
   */
  async writeFile(
    target: PathLike,
    content: string | Uint8Array | AsyncIterable<Uint8Array>,
    options: WriteFileOptions = {},
  ): Promise<void> {
    const { uploadBytes } = await import('./transfer/upload.js');
    const about = { layout: this.#layout, name: this.name, target, content: piecesOf(content) };
    await uploadBytes({ ...options, ...about });
  }

  /** Reads a file of it into memory, whole. @throws MultipassError as {@link GuestAccess.download} */
  async readFile(source: PathLike, options: WorkRequest = {}): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    await this.streamFile(source, (piece) => void pieces.push(piece), options);
    return Buffer.concat(pieces);
  }

  /**
   * Reads a file of it, piece by piece.
   * @param take gets the pieces in their order; the next one comes when it resolves
   * @throws MultipassError as {@link GuestAccess.download}; what `take` throws
   */
  async streamFile(
    source: PathLike,
    take: (piece: Uint8Array) => Promise<void> | void,
    options: WorkRequest = {},
  ): Promise<void> {
    const { downloadBytes } = await import('./transfer/download.js');
    await downloadBytes({
      ...options,
      layout: this.#layout,
      source: { name: this.name, path: source },
      take: async (piece) => take(piece),
    });
  }
}

function listOf(source: PathLike | readonly PathLike[]): readonly PathLike[] {
  return typeof source === 'string' || source instanceof Uint8Array ? [source] : source;
}

async function* piecesOf(
  content: string | Uint8Array | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (typeof content === 'string' || content instanceof Uint8Array) yield Buffer.from(content);
  else yield* content;
}
