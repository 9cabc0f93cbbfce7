import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { call, codeOf, type FsCalls } from '../model/calls.js';
import { callsOf, type Ended, type Run } from './program.js';
import type { VirtualProcess } from './virtual-process.js';

/** Files by their names in the folder of an image. */
type Files = ReadonlyMap<string, Buffer>;

interface Answer extends Required<Ended> {
  /** What it has written, whole. */
  readonly written: ReadonlyMap<string, Buffer>;
}

const BLOCK = 4096;
const PATHS = /\/sim\/[^",}]*/g;

/**
 * qemu-img: what it does is asked of the real one, once for each state of its images; what it wrote then is written
 * into
 * the model, block by block and the header last, as QEMU does.
 */
export async function qemuImg({ self, args }: Run): Promise<Ended> {
  const calls = callsOf(self);
  const paths = [...new Set(args.flatMap((arg) => arg.match(PATHS) ?? []))];
  const folders = [...new Set(paths.map((path) => dirname(path)))];
  let images: Map<string, Buffer>;
  try {
    images = await self.drivers.later(disksOf(calls, folders));
  } catch (error) {
    return { exitCode: 1, stderr: `qemu-img: ${codeOf(error) ?? String(error)}` };
  }
  const answer = ask(args, folders, images);
  for (const [path, data] of answer.written) {
    try {
      await write(self, calls, { path, before: images.get(path), data });
    } catch (error) {
      return { exitCode: 1, stderr: `qemu-img: ${path}: ${codeOf(error) ?? String(error)}` };
    }
  }
  const { exitCode, stdout, stderr } = answer;
  return { exitCode, stdout, stderr };
}

/** All disks of the folders that it is told of: what stands on what is for the real one to find out. */
function* disksOf(
  calls: FsCalls,
  folders: readonly string[],
): ReturnType<typeof call<Map<string, Buffer>>> {
  const { files } = calls.caller;
  return yield* call('open disks', () => {
    const images = new Map<string, Buffer>();
    for (const folder of folders) {
      for (const name of files.readdir(folder).keys()) {
        if (/\.qcow2(?:\.new)?$/.test(name))
          images.set(join(folder, name), files.content(join(folder, name)));
      }
    }
    return images;
  });
}

async function write(
  self: VirtualProcess,
  calls: FsCalls,
  { path, before, data }: { path: string; before: Buffer | undefined; data: Buffer },
): Promise<void> {
  const { later } = self.drivers;
  const flags = before === undefined ? 'w' : 'r+';
  const descriptor = await later(calls.open(path, { flags, mode: 0o644 }));
  const put = async (at: number, block = data.subarray(at, at + BLOCK)): Promise<void> => {
    if (before?.subarray(at, at + BLOCK).equals(block) === true) return;
    if (before === undefined && block.every((byte) => byte === 0)) return;
    await later(calls.write(descriptor, block, at));
  };
  const counts = before === undefined ? new Set<number>() : countsOf(data);
  // What is counted is counted before anything refers to it, and as long as anything does.
  for (const at of counts)
    await put(at, mostOf(before?.subarray(at, at + BLOCK), data.subarray(at, at + BLOCK)));
  if (before?.length !== data.length) await later(calls.truncate(descriptor, data.length));
  await later(calls.sync(descriptor));
  for (let at = BLOCK; at < data.length; at += BLOCK) if (!counts.has(at)) await put(at);
  await later(calls.sync(descriptor));
  await put(0);
  await later(calls.sync(descriptor));
  for (const at of counts) await put(at);
  await later(calls.sync(descriptor));
  await later(calls.close(descriptor));
}

/** Where the reference counts are, block by block. */
function countsOf(data: Buffer): Set<number> {
  const cluster = 2 ** data.readUInt32BE(20);
  const table = Number(data.readBigUInt64BE(48));
  const places = new Set<number>();
  for (let entry = table; entry < table + data.readUInt32BE(56) * cluster; entry += 8) {
    const start = Number(data.readBigUInt64BE(entry));
    if (start === 0) continue;
    for (let at = start; at < Math.min(start + cluster, data.length); at += BLOCK) places.add(at);
  }
  return places;
}

/** Of each count, of 16 bits, the higher one. */
function mostOf(before: Buffer | undefined, after: Buffer): Buffer {
  const most = Buffer.from(after);
  for (let at = 0; at + 2 <= Math.min(before?.length ?? 0, after.length); at += 2) {
    const count = before?.readUInt16BE(at) ?? 0;
    if (count > after.readUInt16BE(at)) most.writeUInt16BE(count, at);
  }
  return most;
}

const answers = new Map<string, Answer>();
const hashes = new WeakMap<Buffer, string>();

function hashOf(data: Buffer): string {
  const known = hashes.get(data);
  if (known !== undefined) return known;
  const hash = createHash('sha1').update(data).digest('hex');
  hashes.set(data, hash);
  return hash;
}

/** What the real one answers, by names that do not tell where anything is. */
function ask(args: readonly string[], folders: readonly string[], images: Files): Answer {
  const numbered = (text: string): string =>
    [...folders]
      .sort((one, other) => other.length - one.length)
      .reduce((all, folder) => all.replaceAll(`${folder}/`, `@${folders.indexOf(folder)}@/`), text);
  const words = args.map(numbered);
  const contents = [...images].map(([path, data]) => [numbered(path), hashOf(data)].join(' '));
  const key = JSON.stringify([words, contents.sort()]);
  const known = answers.get(key) ?? askReal(words, folders, images);
  answers.set(key, known);
  const real = (path: string): string =>
    path.replace(/^@(\d+)@/, (_, number: string) => folders[Number(number)] ?? '');
  return {
    ...known,
    written: new Map([...known.written].map(([path, data]) => [real(path), data])),
  };
}

function askReal(words: readonly string[], folders: readonly string[], images: Files): Answer {
  const scratch = mkdtempSync(join(tmpdir(), 'multipass-ts-simulated-'));
  try {
    const places = folders.map((_, index) => join(scratch, String(index)));
    for (const place of places) mkdirSync(place);
    const before = new Map<string, Buffer>();
    for (const [path, data] of images) {
      const place = join(places[folders.indexOf(dirname(path))] ?? scratch, basename(path));
      writeFileSync(place, data);
      before.set(place, data);
    }
    const args = words.map((word) =>
      word.replace(/@(\d+)@/g, (_, index: string) => places[Number(index)] ?? ''),
    );
    const env = { ...process.env, LC_ALL: 'C' };
    const { status, stdout, stderr } = spawnSync('qemu-img', args, { encoding: 'utf8', env });
    const written = places.flatMap((place, index) =>
      readdirSync(place).flatMap((name): [string, Buffer][] => {
        const data = readFileSync(join(place, name));
        const isSame = before.get(join(place, name))?.equals(data) === true;
        return isSame ? [] : [[`@${index}@/${name}`, data]];
      }),
    );
    return { exitCode: status ?? 1, stdout, stderr, written: new Map(written) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
