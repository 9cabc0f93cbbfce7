import type { LooseValue } from './loose-value.js';

/** An extra network interface of legacy data. */
export interface LegacyInterface {
  /** Name of the host's network or bridge; '' when it is not known. */
  readonly id: string;
  /** As written, unchecked; null when there is none. */
  readonly mac: string | null;
  /** True when cloud-init configures it in the guest. */
  readonly auto: boolean;
}

/** More than a machine has slots for. */
const MOST_INTERFACES = 64;

/** The extra interfaces of a spec or a snapshot, in order. */
export function decodeInterfaces(place: LooseValue): LegacyInterface[] {
  return place.objects(MOST_INTERFACES).map((item) => {
    const id = item.key('id').string('');
    const mac = item.key('mac_address').string('');
    if (id === '') item.key('id').warn('the name of a network', null);
    return { id, mac: mac === '' ? null : mac, auto: item.key('auto_mode').boolean(false) };
  });
}
