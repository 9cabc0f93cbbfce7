import { join } from 'node:path';
import { run } from '../../src/process/run.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { storePublicKey } from '../../src/vm/guest/store-key.js';
import { pushInstance } from '../../src/vm/travel/push-instance.js';
import { makeInstance } from '../support/store-fixture.js';

import { makeOva, makeRaw } from '../vm/foreign/support.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

/** A store with a key of its own, and beside it an OVA. */
export async function foreignTemplate(): Promise<string> {
  return await makeTemplate(async (layout, folder) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });

    await storePublicKey(layout);
    const raw = await makeRaw(join(folder, 'plain.img'), 4);
    await makeOva(join(folder, 'parts'), raw, join(folder, 'shop.ova'));
  });
}

/** `import shop.ova`: taken apart, converted, and put together. */
export function foreignScenario(template: string): ReturnType<typeof storeScenario> {
  return storeScenario({
    template,
    args: ({ folder }) => ['import', join(folder, 'shop.ova'), '--name', 'shop', '--quiet'],
    untouched: [`store/instances/${BYSTANDER}`, 'parts'],
    before: [`${BYSTANDER} Stopped`],
    after: [`${BYSTANDER} Stopped`, 'shop Stopped'],
    commit: { call: 'rename store/staging/* store/instances/shop' },
    check: async ({ folder, layout }, isAfter) => {
      if (!isAfter) return;
      const { disk } = layout.instance('shop');
      const formats = ['-f', 'qcow2', '-F', 'raw'];
      await run('qemu-img', ['compare', '-q', ...formats, disk, join(folder, 'plain.img')]);
    },
  });
}

/** What is pulled, and where it lies. */
export interface Pushed {
  readonly folder: string;
  readonly reference: string;
}

/** A store that has pushed an instance, which it has no more. @param host of a registry */
export async function pullTemplate(host: string): Promise<Pushed> {
  const reference = `${host}/crash/web:1`;
  const folder = await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });

    await storePublicKey(layout);
    await makeInstance(layout, 'web', { data: 0, thin: true });
    await pushInstance({ layout, name: 'web', reference });
    await purgeInstance(layout, 'web');
  });
  return { folder, reference };
}

/** `pull HOST/crash/web:1`. */
export function pullScenario({ folder, reference }: Pushed): ReturnType<typeof storeScenario> {
  return storeScenario({
    template: folder,
    args: () => ['pull', reference, '--quiet'],
    untouched: [`store/instances/${BYSTANDER}`],
    before: [`${BYSTANDER} Stopped`],
    after: [`${BYSTANDER} Stopped`, 'web Stopped'],
    commit: { call: 'rename store/staging/* store/instances/web' },
    says: 'warning: its seed has no ssh key that could be replaced: its guest may not let anybody in\n',
    check: async ({ layout }, isAfter) => {
      if (isAfter) await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
    },
  });
}
