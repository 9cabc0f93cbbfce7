import { parseMemorySize } from '../../memory-size.js';

/** What the QEMU command line in an instance's metadata tells of it, where the spec is lost. */
export interface ArgumentFacts {
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  /** In the order of the interfaces, unchecked; each once. */
  readonly macs: readonly string[];
}

/** Reads `-smp N`, `-m NM` and every `mac=…` from the `arguments` of an instance's metadata. */
export function readArgumentFacts(args: readonly string[]): ArgumentFacts {
  const cpus = /^[1-9]\d{0,5}$/.exec(valueOf(args, '-smp'));
  const memory = valueOf(args, '-m');
  // A bare number is in MiB for QEMU.
  const bytes = parseMemorySize(/^\d+$/.test(memory) ? `${memory}M` : memory);
  const macs = args.flatMap((argument) =>
    [...argument.matchAll(/(?:^|,)mac=([^,]+)/g)].map((match) => match[1] ?? ''),
  );
  return {
    cpus: cpus === null ? null : Number(cpus[0]),
    memory: bytes === 0 ? null : bytes,
    macs: [...new Set(macs)],
  };
}

function valueOf(args: readonly string[], option: string): string {
  const at = args.indexOf(option);
  return at === -1 ? '' : (args[at + 1] ?? '');
}
