import { MultipassError } from '../errors.js';
import { asObject, type QmpClient } from './qmp-client.js';

/** The disk that a guest writes to now, as QEMU knows it. */
export interface ActiveHead {
  /**
   * Name of its block node: the one that jobs and snapshots are to be asked for. It is another one after each live
   * clone, so nobody may know it by heart.
   */
  readonly node: string;
  /** Bytes that the guest sees. */
  readonly virtualSize: number;
  /** Tags of the internal snapshots in it, a suspended guest's memory included. */
  readonly tags: readonly string[];
}

/**
 * Asks a running QEMU for the disk that its guest writes to: of the drives the one that is not read-only.
 * @throws MultipassError QMP_FAILED when there is none, or several
 */
export async function activeHead(client: QmpClient): Promise<ActiveHead> {
  const answer = await client.execute('query-block');
  const written = (Array.isArray(answer) ? answer : [])
    .map((drive) => asObject(asObject(drive)['inserted']))
    .filter((inserted) => inserted['ro'] === false);
  const [head] = written;
  const node = head?.['node-name'];
  if (head === undefined || written.length > 1 || typeof node !== 'string') {
    throw new MultipassError(
      'QMP_FAILED',
      `QEMU has ${written.length} disks that can be written to`,
      {
        hint: 'An instance has one. Stop it and start it again.',
      },
    );
  }
  const image = asObject(head['image']);
  const { snapshots } = image;
  return {
    node,
    virtualSize: Number(image['virtual-size']),
    tags: (Array.isArray(snapshots) ? snapshots : []).map((one) => String(asObject(one)['name'])),
  };
}
