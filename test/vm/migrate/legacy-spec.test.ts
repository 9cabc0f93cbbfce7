import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { lineOf, test, type MigrationTarget } from './legacy-copy.js';

const GIB = 1024 ** 3;
const RECOVERED = 'its record was lost: read from its files';
const NAMES = ['asleep', 'db', 'gone', 'old', 'web'];

/** What would become of each instance; a dry run looks at everything that the real one looks at. */
async function actions(target: MigrationTarget): Promise<Record<string, string>> {
  const { report } = await target.migrate({ dryRun: true });
  return Object.fromEntries(report.instances.map(({ name, action }) => [name, action]));
}

function all(action: string): Record<string, string> {
  return Object.fromEntries(NAMES.map((name) => [name, action]));
}

describe('without any record, an instance', () => {
  test('is what its seed and its newest snapshots tell', async ({ legacy, target }) => {
    await rm(legacy.paths.instanceRecords);
    await rm(legacy.paths.instanceImageRecords);
    const outcome = await target.migrate({ names: ['web', 'db', 'asleep'] });
    expect(outcome.complete).toBe(true);
    expect(outcome.report.errors).toEqual([]);
    for (const { action, reason } of outcome.report.instances) {
      expect([action, reason]).toEqual(['recovered', RECOVERED]);
    }
    expect(lineOf(outcome, 'web')).toMatchObject({ state: 'Stopped', snapshots: 2 });
    const web = await target.store.get('web');
    expect(web.spec).toMatchObject({ cpus: 2, memory: GIB, mounts: [], snapshotHead: 1 });
    expect(web.spec.interfaces.map(({ mac }) => mac.toString())).toEqual(['52:54:00:10:00:01']);
    expect(web.image).toMatchObject({ id: '', release: '', query: { release: '', type: 'alias' } });
    expect(lineOf(outcome, 'asleep').state).toBe('Suspended');
    const asleep = (await target.store.get('asleep')).spec;
    expect(asleep.interfaces[0].mac.toString()).toBe('52:54:00:40:00:01');
    expect(lineOf(outcome, 'asleep').warnings).toEqual([
      'its CPUs are not on record: it has 1 now',
      'its memory is not on record: it has 1.0GiB now',
    ]);
  });

  test('has the mounts and the interfaces of the snapshot it is at', async ({ legacy, target }) => {
    await rm(legacy.paths.instanceRecords);
    await writeFile(legacy.file('web', 'snapshot-head'), '2\n');
    expect((await target.migrateOne('web')).warnings).toEqual([]);
    const { spec } = await target.store.get('web');
    expect(spec).toMatchObject({ cpus: 2, memory: 2 * GIB });
    expect(spec.mounts.map((mount) => mount.target)).toEqual(['/home/ubuntu/site', '/srv/shared']);
    expect(spec.interfaces.map(({ mac, network }) => [mac.toString(), network])).toEqual([
      ['52:54:00:10:00:01', null],
      ['52:54:00:10:00:02', 'br-lan'],
      ['52:54:00:10:00:03', 'br-lab'],
    ]);
    expect((await target.store.get('web')).image.release).toBe('24.04 LTS');
  });

  test('has its MAC from the arguments in a snapshot when the seed is lost', async ({
    legacy,
    target,
  }) => {
    await rm(legacy.paths.instanceRecords);
    await rm(legacy.instance('db').seed);
    expect((await target.migrateOne('db')).warnings).toEqual([
      'its cloud-init-config.iso is missing: a clone will get a new one',
    ]);
    const { interfaces } = (await target.store.get('db')).spec;
    expect(interfaces[0].mac.toString()).toBe('52:54:00:20:00:01');
  });

  test('is told to have lost interfaces that only the seed knows', async ({ legacy, target }) => {
    await rm(legacy.paths.instanceRecords);
    for (const file of ['0001.snapshot.json', '0002.snapshot.json', 'snapshot-head']) {
      await rm(legacy.file('web', file));
    }
    expect((await target.migrateOne('web')).warnings).toContain(
      'the networks of its extra interfaces are not on record: it has none now',
    );
  });

  test('is found by its folder, whatever that is called', async ({ legacy, target }) => {
    await rename(legacy.instance('db').folder, legacy.paths.instanceFolder('moved-by-hand'));
    const { report } = await target.migrate({ names: ['db', 'moved-by-hand'] });
    expect(report.instances.map(({ name, action }) => [name, action])).toEqual([
      ['db', 'skipped'],
      ['moved-by-hand', 'recovered'],
    ]);
    const { interfaces } = (await target.store.get('moved-by-hand')).spec;
    expect(interfaces[0].mac.toString()).toBe('52:54:00:20:00:01');
  });
});

describe('a damaged database', () => {
  test.for([
    ['is empty', '', 'is empty'],
    ['has NULs alone', '\0'.repeat(4096), 'is empty'],
    ['is a list', '[]', 'is no JSON object'],
    ['is no JSON', 'PK\u0003\u0004', 'is cut off or damaged; kept 0 complete records'],
    ['has no records', '{\n}\n', null],
  ] as const)('that %s costs no instance', async ([, text, problem], { legacy, target }) => {
    const paths = [legacy.paths.instanceRecords, legacy.paths.instanceImageRecords];
    for (const path of paths) await writeFile(path, text);
    const { report, complete } = await target.migrate({ dryRun: true });
    expect(report.instances.map(({ name, action }) => [name, action])).toEqual(
      NAMES.map((name) => [name, 'recovered']),
    );
    expect(complete).toBe(true);
    expect(report.errors).toEqual(
      problem === null ? [] : paths.map((path) => `"${path}" ${problem}`),
    );
  });

  test('that is cut off keeps every record before the cut', async ({ legacy, target }) => {
    const path = legacy.paths.instanceRecords;
    const text = await readFile(path, 'utf8');
    const found = { ...all('migrated'), ghost: 'skipped' };
    expect(await actions(target)).toEqual(found);
    const ends = [...Object.keys(found)].sort().map((name) => {
      const next = text.indexOf('\n    },', text.indexOf(`\n    "${name}": {`));
      return [name, next] as const;
    });
    for (const part of [0.02, 0.3, 0.5, 0.7, 0.98]) {
      const cut = Math.floor(text.length * part);
      await writeFile(path, text.slice(0, cut));
      const expected = ends.flatMap(([name, end]) => {
        if (name === 'ghost') return end !== -1 && end < cut ? [[name, 'skipped']] : [];
        return [[name, end !== -1 && end < cut ? 'migrated' : 'recovered']];
      });
      expect(await actions(target), `cut at ${cut}`).toEqual(Object.fromEntries(expected));
    }
  });

  test('that is filled with NULs behind a cut keeps what is before', async ({ legacy, target }) => {
    const path = legacy.paths.instanceRecords;
    const text = await readFile(path, 'utf8');
    const cut = text.indexOf('\n    "gone"');
    await writeFile(path, text.slice(0, cut) + '\0'.repeat(text.length - cut));
    expect(await actions(target)).toEqual({
      ...all('recovered'),
      asleep: 'migrated',
      db: 'migrated',
      ghost: 'skipped',
    });
  });

  test('with records of other types takes those for lost', async ({ legacy, target }) => {
    const specs = { asleep: 5, db: [], gone: null, old: 'old' };
    await writeFile(legacy.paths.instanceRecords, JSON.stringify(specs));
    await writeFile(legacy.paths.instanceImageRecords, JSON.stringify({ web: true, db: 7 }));
    expect(await actions(target)).toEqual(all('recovered'));
  });

  test('with values of other types costs these values alone', async ({ legacy, target }) => {
    await legacy.changeSpecs((records) => {
      records['db'] = {
        num_cores: 'many',
        mem_size: [],
        disk_space: true,
        ssh_username: '-oProxyCommand=x',
        state: {},
        deleted: 'yes',
        metadata: [],
        mac_addr: 'no MAC',
        extra_interfaces: 'x',
        mounts: [{ source_path: 5 }, 'mount'],
        clone_count: null,
      };
    });
    const line = await target.migrateOne('db');
    expect(line).toMatchObject({ action: 'migrated', state: 'Stopped', snapshots: 1 });
    expect(line.warnings).toContain(
      'num_cores: expected a whole number of at least 0, found "many"',
    );
    expect(line.warnings).toContain(
      'its ssh user "-oProxyCommand=x" is no user name: it is "ubuntu" now',
    );
    const { spec } = await target.store.get('db');
    expect(spec).toMatchObject({ cpus: 1, memory: GIB, sshUser: 'ubuntu', mounts: [] });
    expect(spec.interfaces.map(({ mac }) => mac.toString())).toEqual(['52:54:00:20:00:01']);
    expect((await target.migrateOne('db')).reason).toBe('already there');
  });

  test('with a record of nothing has what the files tell', async ({ legacy, target }) => {
    await legacy.changeSpecs((records) => (records['db'] = {}));
    expect(await target.migrateOne('db')).toMatchObject({ action: 'migrated', warnings: [] });
    const { spec } = await target.store.get('db');
    expect(spec).toMatchObject({ cpus: 1, memory: GIB });
    expect(spec.interfaces[0].mac.toString()).toBe('52:54:00:20:00:01');
  });
});
