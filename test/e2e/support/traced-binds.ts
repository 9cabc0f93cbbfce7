import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Watches what a command, and all that it starts, binds sockets to. */
export interface BindTrace extends AsyncDisposable {
  /** What goes before the command. */
  readonly through: readonly string[];
  /** `ADDRESS:PORT` of this host that was bound to, each once, by what it has been until now. */
  bound(): Promise<string[]>;
}

/** The tracer outlives the command, with what that leaves running: it may keep none of its streams. */
const TRACE = `
strace -f --seccomp-bpf -qq -e trace=bind,setns,unshare,clone,clone3,fork,vfork -o "$0/binds" \\
  sh -c '"$@" >"$0/out" 2>"$0/err"; echo $? >"$0/code"' "$0" "$@" </dev/null >/dev/null 2>&1 &
until [ -s "$0/code" ]; do sleep 0.1; done
cat "$0/out"; cat "$0/err" >&2; exit "$(cat "$0/code")"`;

const BIND = /^(\d+) +bind\(\d+, \{sa_family=AF_INET6?, sin6?_port=htons\((\d+)\), (.*?)\}/;
const ADDRESS = /"([\d.:a-f]+)"/;
/** It may be interrupted by a line of another process, and its result come later. */
const LEAVES = /^(\d+) +(?:setns|unshare)\(.*CLONE_NEWNET(?!.* = -1)/;
const FORKS = /^(\d+) +(?:clone3?|v?fork)\(/;
const FORKED = /^(\d+) .*\b(?:clone3?|v?fork)\b.* = (\d+)$/;

/** Traces with strace; what happens in other network namespaces than the host's is left out. */
export async function traceBinds(): Promise<BindTrace> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-binds-'));
  return {
    through: ['sh', '-c', TRACE, folder],
    bound: async () => boundIn(await readFile(join(folder, 'binds'), 'utf8')),
    [Symbol.asyncDispose]: async () => await rm(folder, { recursive: true, force: true }),
  };
}

function boundIn(trace: string): string[] {
  const lines = trace.split('\n');
  const births = birthsIn(lines);
  const elsewhere = new Set<string>();
  const bound = new Set<string>();
  for (const [at, line] of lines.entries()) {
    const [, leaver] = LEAVES.exec(line) ?? [];
    if (leaver !== undefined) elsewhere.add(leaver);
    for (const { parent, child } of births.get(at) ?? []) {
      if (elsewhere.has(parent)) elsewhere.add(child);
    }
    const [, pid = '', port, rest = ''] = BIND.exec(line) ?? [];
    // Port 0 is for what goes out: any that is free.
    if (port === undefined || port === '0' || elsewhere.has(pid)) continue;
    bound.add(`${ADDRESS.exec(rest)?.[1] ?? rest}:${port}`);
  }
  return [...bound].toSorted();
}

interface Birth {
  readonly parent: string;
  readonly child: string;
}

/** By the line in which a process begins to fork: the child may be seen before that has returned. */
function birthsIn(lines: readonly string[]): Map<number, readonly Birth[]> {
  const births = new Map<number, Birth[]>();
  const begun = new Map<string, number>();
  for (const [at, line] of lines.entries()) {
    const [, forker] = FORKS.exec(line) ?? [];
    if (forker !== undefined) begun.set(forker, at);
    const [, parent = '', child] = FORKED.exec(line) ?? [];
    if (child === undefined) continue;
    const from = begun.get(parent) ?? at;
    births.set(from, [...(births.get(from) ?? []), { parent, child }]);
  }
  return births;
}
