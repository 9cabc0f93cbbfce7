import { spawn } from 'node:child_process';

/** What a program took, with all that it waited for. */
export interface Taken {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The most memory that one process of it had at once, in MiB. */
  readonly peakMib: number;
}

/** Waits for a program and tells what the kernel says of it on descriptor 3. */
const WAITER = `
import json, os, resource, subprocess, sys, time
begin = time.monotonic()
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(3, json.dumps({'exitCode': code, 'seconds': time.monotonic() - begin,
  'cpuSeconds': used.ru_utime + used.ru_stime, 'peakMib': used.ru_maxrss / 1024}).encode())
`;

/** Runs a program and measures it. */
export async function measuredRun(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Taken> {
  const child = spawn('python3', ['-IS', '-c', WAITER, ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const outputs = [child.stdout, child.stderr, child.stdio[3] as NodeJS.ReadableStream];
  const texts = outputs.map(async (stream) => textOf(stream!));
  const [stdout = '', stderr = '', told = ''] = await Promise.all(texts);
  if (told === '') throw new Error(`${argv.join(' ')}: ${stderr}`);
  return { stdout, stderr, ...(JSON.parse(told) as Omit<Taken, 'stdout' | 'stderr'>) };
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  stream.setEncoding('utf8');
  for await (const piece of stream) text += String(piece);
  return text;
}
