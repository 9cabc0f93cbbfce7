import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { run } from '../../src/process/run.js';
import { openStore } from '../../src/index.js';
import { realRegistry } from '../registry/real-registry.js';
import { runQuickly } from './command.js';
import { measure, type Side } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { addInstance, makeStore } from './stores.js';

/** The programs of this host: what compresses as a guest's disk does. */
const CONTENT = ['/usr/bin', '/usr/lib'];
const MIB = 1024 ** 2;
const SIZE = 256 * MIB;
const CHANGED = 5 * MIB;

/**
 * Pushes against `skopeo copy` of the same disk as one layer, pulls with the base there and without, and an archive in a
 * pipe from store to store against `cat` of the same bytes.
 */
export async function benchTravel(bench: Bench): Promise<Comparison[]> {
  const { folder, bin, signal, say } = bench;
  say(`making a disk with ${SIZE / MIB} MiB of programs`);
  const layout = await makeStore(join(folder, 'store'));
  const { disk } = addInstance(layout, 'web', 1);
  await makeContent(folder, disk);
  const vm = await openStore(layout.root).get('web');
  await (await vm.clone('first', { linked: true })).purge();
  await using registry = await realRegistry();
  const other = join(folder, 'other');
  const raw = join(folder, 'content');
  const command = (root: string, ...words: string[]): Promise<void> =>
    runQuickly([process.execPath, bin, ...words], { MULTIPASS_STORAGE: root });
  let fresh = 0;
  const push = async (): Promise<void> => {
    // A repository that has nothing, and a store that knows of no other.
    await rm(layout.registriesFile, { force: true });
    await registry.kill();
    await rm(registry.root, { recursive: true, force: true });
    await registry.start();
  };
  const layer = async (name: string): Promise<void> => {
    const image = join(folder, 'image');
    await rm(image, { recursive: true, force: true });
    await run('umoci', ['init', '--layout', image]);
    await run('umoci', ['new', '--image', `${image}:v`]);
    await run('umoci', ['insert', '--image', `${image}:v`, disk, '/disk/disk.qcow2']);
    await run('umoci', [
      ...['insert', '--image', `${image}:v`],
      ...[layout.instance('web').file(await baseOf(layout.root)), '/disk/base.qcow2'],
    ]);
    const to = `docker://${registry.host}/skopeo/${name}`;
    await run('skopeo', ['copy', '-q', '--dest-tls-verify=false', `oci:${image}:v`, to]);
  };
  const reference = `${registry.host}/team/web:1`;
  const change = async (): Promise<void> => {
    const at = (fresh += 1) * 2 * CHANGED + SIZE;
    const write = `write -s ${raw}.random ${at} ${CHANGED}`;
    await run('dd', ['if=/dev/urandom', `of=${raw}.random`, `bs=${CHANGED}`, 'count=1']);
    await run('qemu-io', ['-f', 'qcow2', '-c', write, disk]);
  };
  const pulled = (): Promise<void> => rm(other, { recursive: true, force: true });
  const archive = join(folder, 'web.tar');
  const sh = promisify(execFile);
  const exporting = `'${process.execPath}' '${bin}'`;
  const pipe = `${exporting} export web - | MULTIPASS_STORAGE='${other}' ${exporting} import -`;
  const env = { ...process.env, MULTIPASS_STORAGE: layout.root };
  const sides = {
    first: { work: () => command(layout.root, 'push', 'web', reference), undo: push },
    skopeo: { work: () => layer(`web:${(fresh += 1)}`) },
  } satisfies Record<string, Side>;
  say('timing first pushes');
  const firsts = await measure(sides, { count: 1, signal });
  await command(layout.root, 'push', 'web', reference);
  await change();
  say('timing second pushes, after 5 MiB of change');
  const seconds = await measure(
    {
      second: { work: () => command(layout.root, 'push', 'web', reference), undo: change },
      skopeo: { work: () => layer(`web:${(fresh += 1)}`) },
    },
    { count: 2, signal },
  );
  say('timing pulls');
  const pulls = await measure(
    {
      whole: { work: () => command(other, 'pull', reference), undo: pulled },
      based: {
        work: () => command(layout.root, 'pull', reference, '--name', 'pulled'),
        undo: () => command(layout.root, 'delete', '--purge', 'pulled'),
      },
    },
    { count: 2, signal },
  );
  say('timing pipes');
  await command(layout.root, 'export', 'web', archive);
  const pipes = await measure(
    {
      pipe: { work: () => sh('bash', ['-o', 'pipefail', '-c', pipe], { env }), undo: pulled },
      cat: {
        work: () =>
          sh('bash', ['-c', `cat '${archive}' | cat > '${archive}.copy'; sync '${archive}.copy'`]),
        undo: () => rm(`${archive}.copy`),
      },
    },
    { count: 2, signal },
  );
  const named = (name: string, ours: Comparison['ours'], against: Comparison['against']) => ({
    name,
    ours,
    against,
  });
  return [
    named('push, the first', firsts.first.as('command'), firsts.skopeo.as('umoci, skopeo copy')),
    {
      ...named(
        'push, after 5 MiB',
        seconds.second.as('command'),
        seconds.skopeo.as('umoci, skopeo copy'),
      ),
      aim: { faster: 3 },
    },
    named('pull, its base is here', pulls.based.as('command'), pulls.whole.as('pull of all')),
    named('export | import', pipes.pipe.as('command'), pipes.cat.as('cat of the archive')),
  ];
}

async function makeContent(folder: string, disk: string): Promise<void> {
  const raw = join(folder, 'content');
  const line = `tar -cf - ${CONTENT.join(' ')} 2>/dev/null | head -c ${SIZE} > '${raw}'`;
  await run('bash', ['-c', line]);
  await run('truncate', ['-s', '4G', raw]);
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, disk]);
}

/** The one base that its disk stands on. */
async function baseOf(root: string): Promise<string> {
  const { readdir } = await import('node:fs/promises');
  const files = await readdir(join(root, 'instances', 'web'));
  return files.find((file) => file.startsWith('base-'))!;
}
