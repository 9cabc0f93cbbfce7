import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { multipassInProcess } from '../support/in-process.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';

/*
 * What Multipass says, and exits with, row for row. No row changes anything, so all look at one store: `web` is
 * stopped, with a snapshot `snap1` and a mount at /srv; `pi` is suspended; `gone` is deleted.
 */

let layout: StoreLayout;

beforeAll(async () => {
  layout = new StoreLayout(await mkdtemp(join(tmpdir(), 'multipass-ts-texts-')));
  await initialiseStore(layout);
  const mount = { source: '/tmp', target: '/srv', type: 'classic' as const };
  const mounts = [{ ...mount, uidMappings: [], gidMappings: [] }];
  const web = await makeInstance(layout, 'web', { tags: 1, spec: { mounts } });
  await writeSnapshot(web, snapshotRecord(1, { name: 'snap1' }));
  await makeInstance(layout, 'pi', { otherTags: ['suspend'] });
  await makeInstance(layout, 'gone', { spec: { deleted: true } });
});

afterAll(async () => {
  await rm(layout.root, { recursive: true, force: true });
});

/** The words; what is on stderr, without hints; the exit code, 1 by default; and what is on stdout, nothing by default. */
type Row = readonly [words: string, stderr: string, code?: number, stdout?: string];

/** Wrong command lines. */
const WRONG: readonly Row[] = [
  ['clone', 'Please provide the name of the source instance.'],
  ['clone a b', 'Too many arguments.'],
  ['clone a --nope', "Unknown option 'nope'."],
  ['clone a -x', "Unknown option 'x'."],
  ['--nope', "Unknown option 'nope'."],
  ['clone a --name', "Missing value after '--name'."],
  ['clone a -n', "Missing value after '-n'."],
  ['clone a --format xml', 'Invalid format type given.'],
  ['clone a --format csv', 'Invalid format type given.'],
  ['migrate --format yaml', 'Invalid format type given.'],
  ['migrate --copy --move', 'Cannot specify --copy and --move at the same time'],
  ['delete', 'Name argument or --all is required'],
  ['delete a --all', 'Cannot specify name when --all option set'],
  ['delete --all=yes', "Unexpected value after '--all'."],
  ['recover', 'Name argument or --all is required'],
  ['recover --all a b', 'Cannot specify names when --all option set'],
  ['purge a', 'This command takes no arguments'],
  ['list a', 'This command takes no arguments'],
  ['list --format XML', 'Invalid format type given.'],
  [
    'list --snapshots --no-ipv4',
    'IP addresses are not applicable in conjunction with listing snapshots',
  ],
  ['info --format ini', 'Invalid format type given.'],
  ['version a', 'This command takes no arguments'],
  ['version --format ini', 'Invalid format type given.'],
  ['authenticate a b', 'Too many arguments given'],
  ['wait-ready a', 'This command takes no arguments'],
  ['autostart a b', 'Too many arguments given'],
  ['autostart enable', 'Please say what to do: install, remove, start, stop.'],
  ['doctor a', 'This command takes no arguments'],
  ['doctor --format csv', 'Invalid format type given.'],
  ['console', 'Please provide the name of one instance.'],
  ['console a b', 'Please provide the name of one instance.'],
  ['logs', 'Please provide the name of one instance.'],
  ['help nope', "Error: Unknown Command: 'nope'"],
  ['help clone list', 'Too many arguments given'],
  ['completion', 'Please name one shell: bash, zsh, fish.'],
  ['completion tcsh', 'Please name one shell: bash, zsh, fish.'],
  ['completion bash zsh', 'Please name one shell: bash, zsh, fish.'],
  ['clone a --cpus 0', "Error: invalid CPU count '0', need a positive integer value."],
  ['clone a --cpus 1.5', "Error: invalid CPU count '1.5', need a positive integer value."],
  ['launch --cpus -1', "Error: invalid CPU count '-1', need a positive integer value."],
  ['launch -c two', "Error: invalid CPU count 'two', need a positive integer value."],
  ['clone a --count 0', "Error: invalid number of copies '0', need a positive integer value."],
  ['clone a --count x', "Error: invalid number of copies 'x', need a positive integer value."],
  ['clone a --start --dry-run', "Cannot set 'start' and 'dry-run' options at the same time"],
  ['start --timeout 0', "error: Invalid timeout '0': need a positive number of seconds."],
  ['launch --timeout 5m', "error: Invalid timeout '5m': need a positive number of seconds."],
  ['shell --timeout -1', "error: Invalid timeout '-1': need a positive number of seconds."],
  ['stop a --time 5m', 'Time must be in digit form'],
  ['stop a --time 5 --cancel', "Cannot set 'time' and 'cancel' options at the same time"],
  ['stop a --time 0 --force', "Cannot set 'force' and 'time' options at the same time"],
  ['stop a --cancel --force', "Cannot set 'force' and 'cancel' options at the same time"],
  ['mount / a -t fast', "Bad mount type 'fast' specified, please use 'classic' or 'native'"],
  ['mount / a -u 1', 'Invalid UID map given: 1'],
  ['mount / a -g 1:2 -g 1:x', 'Invalid GID map given: 1:x'],
  ['mount /nope a', 'Source path "/nope" does not exist'],
  ['launch --mount /nope:x', 'Source path "/nope" does not exist'],
  ['launch --mount /nope:x:y', 'Source path "/nope" does not exist'],
  ['launch a:b:c', 'error: Invalid remote and search string supplied'],
  [
    'launch --cloud-init /nope.yaml',
    'Could not load cloud-init configuration: cannot load "/nope.yaml": cannot read ("/nope.yaml"): ' +
      "ENOENT: no such file or directory, open '/nope.yaml'",
  ],
  ['find a b', 'Wrong number of arguments'],
  ['find a:b:c', 'Invalid remote and search string supplied'],
  [
    'find --only-images --only-blueprints',
    'Specify one of "--only-images", "--only-blueprints" or omit to fetch both',
  ],
  ['info --all web', 'Cannot specify name when --all option set'],
  ['info --all web db', 'Cannot specify names when --all option set'],
  ['launch --network br0,br1', 'error: Bad network definition: br0,br1'],
  ['launch --network name=a,colour=red', 'error: Bad network field: colour'],
  ['launch --network name=a,mode=x', "error: Bad network mode 'x', need 'auto' or 'manual'"],
  ['launch --network name=a,mac=x', 'error: Invalid MAC address: x'],
  [
    'launch --bridged',
    'You have to `multipass set local.bridged-network=<name>` to use the "--bridged" shortcut.',
  ],
  ['launch a b', 'Too many arguments supplied'],
  ['exec a', 'Wrong number of arguments'],
  ['exec a -d /tmp -n -- ls', 'Options --working-directory and --no-map-working-directory clash'],
  ['snapshot', 'Please provide the name of the instance.'],
  [
    'restore a',
    'Invalid format. Please specify the instance to restore and snapshot to use in the form <instance>.<snapshot>.',
  ],
  ['adopt', 'Please provide the name of one instance.'],
  ['flatten', 'Please provide the name of one instance.'],
  ['rename a', 'Please provide the name of an instance and its new name.'],
  ['set a', 'Bad key-value format.'],
  ['get', 'Need exactly one setting key.'],
  ['clone a --progress xml', 'Invalid progress format given.'],
  ['start a --quiet=yes', "Unexpected value after '--quiet'."],
  ['list --quiet', "Unknown option 'quiet'."],
  ['start --timeout=', "error: Invalid timeout '': need a positive number of seconds."],
  ['restart --timeout 1.5', "error: Invalid timeout '1.5': need a positive number of seconds."],
  ['stop --all web', 'Cannot specify name when --all option set'],
  ['start --all web pi', 'Cannot specify names when --all option set'],
  ['suspend --all web pi', 'Cannot specify names when --all option set'],
  ['restart --all web', 'Cannot specify name when --all option set'],
  ['unalias --all a', 'Cannot specify name when --all option set'],
  ['unalias --all a b', 'Cannot specify names when --all option set'],
  ['get a b', 'Need exactly one setting key.'],
  ['get --keys a b', 'Need at most one setting key.'],
  ['get nope', "Unrecognized settings key: 'nope'"],
  ['set', 'Need exactly one key-value pair (in <key>=<value> form).'],
  ['set a=b c=d', 'Need exactly one key-value pair (in <key>=<value> form).'],
  ['set =b', 'Bad key-value format.'],
  [
    'set client.primary-name=9',
    "Invalid setting 'client.primary-name=9': it is no name that an instance can have",
  ],
  [
    'restore',
    'Invalid format. Please specify the instance to restore and snapshot to use in the form <instance>.<snapshot>.',
  ],
  ['restore web.snap1 web.snap1', 'Too many arguments.'],
  ['snapshot web pi', 'Too many arguments.'],
  ['snapshot web --memory', "The 'memory' option needs the 'live' option."],
  [
    'delete web.snap1',
    'Snapshots can only be purged (after deletion, they cannot be recovered). Use --purge if that is what you want.',
  ],
  [
    'restore web.snap1',
    'Cannot ask what becomes of the current state, for this is no terminal. Use --destructive to discard it, or take a snapshot first.',
    1,
  ],
  ['exec', 'Wrong number of arguments'],
  ['exec web ls -l', "Unknown option 'l'."],
  ['shell web pi', 'Too many arguments given'],
  ['mount /tmp', 'Not enough arguments given'],
  ['umount', 'Not enough arguments given'],
  ['transfer a', 'Not enough arguments given'],
  ['transfer a b', 'An instance name is needed for either source or destination'],
  ['transfer - -', "Only one '-' allowed"],
  ['alias', 'Wrong number of arguments given'],
  ['alias web', 'No command given'],
  ['alias :ls', 'No instance name given'],
  ['alias web:ls a/b', 'Alias has to be a valid filename'],
  ['alias web:start', "Alias name 'start' clashes with a command name"],
  ['unalias nope', 'Nonexistent alias: nope.'],
  ['unalias nope neither', 'Nonexistent aliases: nope, neither.'],
  ['prefer', 'Wrong number of arguments given'],
  ['--format=yml list', 'Invalid format type given.'],
];

const NO_NOPE = 'instance "nope" does not exist';

/** What the store does not have, or does not allow. */
const FAILED: readonly Row[] = [
  ['info nope', `info failed: ${NO_NOPE}`, 2],
  [
    'info nope no',
    `info failed: The following errors occurred:\n${NO_NOPE}\ninstance "no" does not exist`,
    2,
  ],
  ['info web.nope', 'info failed: No such snapshot: web.nope', 2],
  ['stop nope', `stop failed: ${NO_NOPE}`, 2],
  ['stop gone', 'stop failed: instance "gone" is deleted', 2],
  [
    'stop pi',
    'stop failed: Cannot shut down suspended instance pi.\nUse --force to power it off.',
    2,
  ],
  ['suspend nope', `suspend failed: ${NO_NOPE}`, 2],
  ['restart web', "restart failed: Instance 'web' is not running", 2],
  ['start nope', "start failed: instance(s) missing\nInstance 'nope' does not exist.", 2],
  [
    'start web nope gone',
    "start failed: instance(s) missing\nInstance 'nope' does not exist.\nInstance 'gone' is deleted. " +
      "Use 'recover' to recover it or 'purge' to permanently delete it.",
    2,
  ],
  ['shell nope', `shell failed: ${NO_NOPE}`, 2],
  ['exec nope ls', `exec failed: ${NO_NOPE}`, 2],
  ['clone nope', `clone failed: ${NO_NOPE}`, 2],
  ['clone gone', 'clone failed: instance "gone" is deleted', 2],
  ['clone pi', 'clone failed: Multipass can only clone stopped instances.', 2],
  ['clone web -n pi', 'clone failed: instance "pi" already exists', 2],
  ['clone web -n 9', 'clone failed: Invalid destination instance name: 9', 2],
  ['snapshot pi', 'snapshot failed: Multipass can only take snapshots of stopped instances.', 2],
  [
    'snapshot pi --live',
    'snapshot failed: Multipass can only take snapshots of stopped instances.',
    2,
  ],
  ['snapshot web --live --memory', "snapshot failed: Instance 'web' is not running", 2],
  ['snapshot web -n 9', 'snapshot failed: Invalid snapshot name: "9".', 2],
  ['snapshot web -n snap1', 'snapshot failed: Snapshot already exists: web.snap1', 2],
  ['restore web.nope', 'restore failed: No such snapshot: web.nope', 2],
  ['restore pi.a', 'restore failed: Multipass can only restore snapshots of stopped instances.', 2],
  ['delete nope', `delete failed: ${NO_NOPE}`, 2],
  ['delete web.nope --purge', 'delete failed: No such snapshot: web.nope', 2],
  ['recover nope', `recover failed: ${NO_NOPE}`, 2],
  ['mount /tmp nope', `mount failed: ${NO_NOPE}`, 2],
  ['mount /tmp web:/srv', `mount failed: "/srv" is already mounted in 'web'`, 2],
  ['mount /tmp web:/proc', 'mount failed: unable to mount to "/proc"', 2],
  ['umount web:/data', `umount failed: path "/data" is not mounted in 'web'`, 2],
  ['umount nope:', `umount failed: ${NO_NOPE}`, 2],
  ['get local.nope', "get failed: Unrecognized settings key: 'local.nope'", 2],
  ['get local.nope.cpus', `get failed: ${NO_NOPE}`, 2],
  ['get local.web.nope.name', 'get failed: No such snapshot: web.nope', 2],
  [
    'set local.nope.cpus=2',
    'set failed: Cannot update instance settings; instance: nope; reason: No such instance',
    2,
  ],
  [
    'set local.gone.cpus=2',
    'set failed: Cannot update instance settings; instance: gone; reason: Instance is deleted',
    2,
  ],
  [
    'set local.pi.cpus=2',
    'set failed: Cannot update instance settings; instance: pi; reason: Instance must be stopped for modification',
    2,
  ],
  [
    'set local.web.cpus=0',
    "set failed: Invalid setting 'local.web.cpus=0': Need a positive integer (in decimal format) of minimum 1",
    2,
  ],
  [
    'set local.web.disk=1M',
    "set failed: Invalid setting 'local.web.disk=1M': Disk can only be expanded",
    2,
  ],
  [
    'set local.privileged-mounts=maybe',
    'set failed: Invalid setting \'local.privileged-mounts=maybe\': Invalid flag, need "true" or "false"',
    2,
  ],
  [
    'launch -n 9 -m 1 file:///x.img',
    'launch failed: Invalid arguments supplied\nInvalid memory size value supplied: 1.\nInvalid instance name supplied: 9',
    2,
  ],
  ['launch -n web file:///x.img', 'launch failed: instance "web" already exists', 2],
  ['launch file:///nope.img', 'launch failed: Custom image `/nope.img` does not exist.', 2],
  ['find nope:x', 'find failed: Remote "nope" is unknown or unreachable.', 2],
];

/** What goes well. */
const RIGHT: readonly Row[] = [
  [
    '--format=csv list --no-ipv4',
    '',
    0,
    'Name,State,IPv4,IPv6,Release,AllIPv4\ngone,Deleted,,,Ubuntu 24.04 LTS,""\npi,Suspended,,,Ubuntu 24.04 LTS,""\nweb,Stopped,,,Ubuntu 24.04 LTS,""\n',
  ],
  ['stop web', '', 0],
  ['suspend web', '', 0],
  ['recover web', '', 0],
  ['get client.primary-name', '', 0, 'primary\n'],
  ['get local.bridged-network', '', 0, '<empty>\n'],
  ['get --raw local.bridged-network', '', 0, '\n'],
  ['get local.passphrase', '', 0, 'false\n'],
  ['get local.web.memory', '', 0, '1.0GiB\n'],
  [
    'cloen a',
    '',
    1,
    `Error: Unknown command or alias 'cloen' (try "multipass help" or "multipass aliases")\n`,
  ],
];

/** Everything on stderr but hints. */
const withoutHints = (stderr: string): string => stderr.replaceAll(/^ {2}hint: .*\n/gm, '');

async function run(words: string): Promise<Row> {
  const { stdout, stderr, exitCode } = await multipassInProcess(words.split(' '), layout);
  return [words, withoutHints(stderr).replace(/\n$/, ''), exitCode, stdout];
}

describe.each([
  ['a wrong command line', WRONG],
  ['what fails', FAILED],
  ['what goes well', RIGHT],
])('%s', (_, rows) => {
  test.each(rows.map((row) => [row[0], row] as const))('multipass %s', async (words, row) => {
    const [, stderr, code = 1, stdout = ''] = row;
    expect(await run(words)).toEqual([words, stderr, code, stdout]);
  });
});

/** The words, and the size in them that is none. */
const WRONG_SIZES = [
  'clone a --memory 1.5',
  'clone a --disk big',
  'launch --memory 1T',
  'launch --mem 1T',
  'launch -d -1G',
];

test.each(WRONG_SIZES)('multipass %s: no size', async (words) => {
  const value = words.split(' ').at(-1) ?? '';
  const [, stderr, code, stdout] = await run(words);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(
    `error: ${value} is not a valid memory size - need a non-negative integer `,
  );
});

test('a primary instance that is switched off is nobody', async () => {
  await multipassInProcess(['set', 'client.primary-name='], layout);
  const required = 'Name argument or --all is required';
  for (const command of ['start', 'stop', 'suspend', 'restart']) {
    expect(await run(command)).toEqual([command, required, 1, '']);
  }
  expect(await run('shell')).toEqual(['shell', 'Please provide the name of an instance.', 1, '']);
  await multipassInProcess(['set', 'client.primary-name=primary'], layout);
});
