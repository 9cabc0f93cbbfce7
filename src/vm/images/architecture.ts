/** Names of machines, in Node and elsewhere, that image servers call otherwise. */
const STREAM_NAMES: Readonly<Record<string, string>> = {
  x64: 'amd64',
  x86_64: 'amd64',
  aarch64: 'arm64',
  arm: 'armhf',
  ia32: 'i386',
  ppc64: 'ppc64el',
  power64: 'ppc64el',
  power64le: 'ppc64el',
};

/** What image servers call a machine's architecture; by default this machine's. */
export function streamArchitecture(name: string = process.arch): string {
  return STREAM_NAMES[name] ?? name;
}
