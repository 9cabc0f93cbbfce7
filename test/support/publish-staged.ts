import type { InstanceDir } from '../../src/store/instance-dir.js';
import { publish } from '../../src/store/publish.js';
import type { StagedInstance } from '../../src/store/staging.js';
import { rowsOfFolder } from '../../src/vm/macs.js';

/** Makes one staged instance visible under a name. @returns its folder */
export async function publishStaged(staged: StagedInstance, name: string): Promise<InstanceDir> {
  await publish(staged.layout, [{ staged, name }], { rowsOf: rowsOfFolder });
  return staged.layout.instance(name);
}
