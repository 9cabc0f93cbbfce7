import { asObject, type QmpClient } from './qmp-client.js';

/** What QEMU does with its guest: `running`, `paused`, `io-error`, `prelaunch`, … (QEMU's RunState). */
export async function runStateOf(client: QmpClient): Promise<string> {
  const { status } = asObject(await client.execute('query-status'));
  return typeof status === 'string' ? status : 'unknown';
}

/**
 * Why QEMU has made its guest stand still: what is written does not fit (`full`), or the host could not write or read
 * for another reason (`failed`), which a quota is to QEMU.
 */
export type Standstill = 'full' | 'failed';

/** Why a guest stands still; null when it does not, or when it was told to. @throws MultipassError QMP_FAILED */
export async function standstillOf(client: QmpClient): Promise<Standstill | null> {
  if ((await runStateOf(client)) !== 'io-error') return null;
  const answer = await client.execute('query-block');
  const states = (Array.isArray(answer) ? answer : []).map((block) => asObject(block)['io-status']);
  return states.includes('nospace') ? 'full' : 'failed';
}
