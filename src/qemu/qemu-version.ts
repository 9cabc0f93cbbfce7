import { MultipassError } from '../errors.js';
import { asObject, type QmpClient } from './qmp-client.js';

/** The version of a QEMU, such as `7.2.22`. @throws MultipassError QMP_FAILED */
export async function qemuVersion(client: QmpClient): Promise<string> {
  const { major, minor, micro } = asObject(asObject(await client.execute('query-version'))['qemu']);
  const version = [major, minor, micro].map(Number);
  if (version.every(Number.isSafeInteger)) return version.join('.');
  throw new MultipassError('QMP_FAILED', 'QEMU does not say which version it is', {
    hint: 'See `qemu-system-x86_64 --version`.',
  });
}
