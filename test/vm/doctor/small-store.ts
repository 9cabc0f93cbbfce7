import { chmod, link, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { recordText } from '../../../src/files/record.js';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { portRowOf } from '../../../src/vm/records/forward.js';
import { newVaultRecord } from '../../../src/vm/images/vault-record.js';
import { DamagedStore } from '../../../fixtures/damaged/damage.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { handMadeMac, makeInstance } from '../../support/store-fixture.js';

/** The store that the damages are made in, and its folder. */
export class SmallStore {
  readonly folder: string;
  readonly #row: string;
  #copies = 0;

  private constructor(folder: string, row: string) {
    this.folder = folder;
    this.#row = row;
  }

  /** Makes it, in a folder of its own. */
  static async make(): Promise<SmallStore> {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-doctor-'));
    const layout = new StoreLayout(join(folder, 'original'));
    await initialiseStore(layout);
    const sshKey = 'id_ed25519';
    await writeFile(layout.key(sshKey), 'a key', { mode: 0o600 });
    const mac = handMadeMac();
    const interfaces = [{ mac, network: null, auto: true }] as const;
    const uuid = '11111111-2222-4333-8444-555555555555';
    const forward = {
      address: '127.0.0.1',
      hostPort: 8080,
      guestPort: 80,
      protocol: 'tcp',
    } as const;
    const spec = { uuid, sshKey, interfaces, snapshotHead: 1, forwards: [forward] };
    await mkdir(layout.ports, { mode: 0o700 });
    await writeFile(layout.portRow(portRowOf(forward)), `${uuid}\n`, { mode: 0o600 });
    const web = await makeInstance(layout, 'web', { thin: true, tags: 1, data: 0, spec });
    await writeSnapshot(web, snapshotRecord(1, { interfaces }));
    await chmod(web.base('image'), 0o444);
    await makeInstance(layout, 'db', { data: 1, spec: { sshKey } });
    const image = layout.image('image');
    await mkdir(image.path, { mode: 0o700 });
    await link(web.base('image'), image.disk);
    const query = { release: '24.04', remote: '', type: 'alias' } as const;
    await writeFile(image.imageRecord, recordText(newVaultRecord({ id: 'image', query })));
    const alias = { instance: 'web', uuid, command: 'ls', workingDirectory: 'default' };
    const contexts = { default: { list: alias } };
    await writeFile(layout.aliasesFile, recordText({ format: 1, active: 'default', contexts }));
    return new SmallStore(folder, mac.toHex());
  }

  /** A copy of it, to be damaged. */
  async copy(): Promise<DamagedStore> {
    const folder = join(this.folder, `${(this.#copies += 1)}`);
    await mkdir(folder);
    const root = join(folder, 'store');
    await run('cp', ['-a', '--reflink=auto', join(this.folder, 'original'), root]);
    return new DamagedStore(new StoreLayout(root), this.#row);
  }
}
