import { MultipassError } from '../../errors.js';
import { findProgram, notInstalled } from '../../process/programs.js';
import { run } from '../../process/run.js';
import { findSftpServer } from '../mounts/sftp-server.js';
import type { Settings } from '../settings/settings.js';
import { diagnosisOf, type Diagnosis, type FindingKind } from './finding.js';

/** Programs that nothing goes without. */
const NEEDED = ['qemu-img', 'ssh', 'ssh-keygen', 'flock', 'cp', 'sync', 'mkfifo', 'split', 'true'];
/** Programs that something goes without, and what does not. */
const ADVISED: Readonly<Record<string, string>> = {
  bwrap: 'Classic mounts, and the confinement of QEMU, need it',
  'sftp-server': 'Classic mounts need it',
  ldd: 'Sandboxes need it',
  xz: 'Images that are packed with xz need it',
  prlimit: 'Images that are packed with xz need it',
};
/** What bridge mode needs; it has one of the last two. */
const FOR_BRIDGES = ['ip', 'dnsmasq'];
const FIREWALLS = ['nft', 'iptables'];

/** The oldest version of each that this is tested with. */
const OLDEST: readonly [program: string, version: readonly [number, number]][] = [
  ['qemu-img', [7, 2]],
];

/**
 * Programs that are missing or too old.
 * @param qemu the one that runs guests here, such as `qemu-system-x86_64`
 * @param settings undefined where they cannot be read
 */
export async function checkPrograms(
  qemu: string,
  settings: Pick<Settings, 'network'> | undefined,
): Promise<Diagnosis[]> {
  const isMissing = (program: string): boolean =>
    (program === 'sftp-server' ? findSftpServer() : findProgram(program)) === undefined;
  const bridge = settings?.network === 'bridge';
  const needed = [...NEEDED, qemu, ...(bridge ? FOR_BRIDGES : [])].filter(isMissing);
  if (bridge && FIREWALLS.every(isMissing)) needed.push('nft');
  return [
    ...needed.map((program) => about('program-missing', notInstalled(program))),
    ...Object.entries(ADVISED).flatMap(([program, neededFor]) =>
      isMissing(program) ? about('program-advised', notInstalled(program, { neededFor })) : [],
    ),
    ...(await tooOld()),
  ];
}

async function tooOld(): Promise<Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const [program, [major, minor]] of OLDEST) {
    const version = await versionOf(program);
    if (version === undefined || !isOlder(version, [major, minor])) continue;
    found.push(
      diagnosisOf('program-old', null, {
        path: null,
        message: `"${program}" has version ${version.join('.')}, and ${major}.${minor} is the oldest that is tested`,
        hint: 'Install a newer version; some things may not work with this one.',
      }),
    );
  }
  return found;
}

function isOlder(
  [major, minor]: readonly [number, number],
  [wantedMajor, wantedMinor]: readonly [number, number],
): boolean {
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}

/** The first two numbers of what it says of itself; undefined where it says none. */
async function versionOf(program: string): Promise<[number, number] | undefined> {
  if (findProgram(program) === undefined) return undefined;
  try {
    const { stdout } = await run(program, ['--version']);
    const [, major, minor] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
    return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)];
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

function about(kind: FindingKind, { message, hint = '' }: MultipassError): Diagnosis {
  return diagnosisOf(kind, null, { path: null, message, hint });
}
