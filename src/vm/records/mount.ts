import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';

/** How a host folder gets into the guest: `classic` is sshfs, `native` is 9p. */
export type MountType = 'classic' | 'native';

/** One host id seen as one guest id; guest id -1 is the guest's default user or group. */
export interface IdMapping extends WithUnknownKeys {
  /** The id that files have on the host. */
  readonly host: number;
  /** The id that they have in the guest. */
  readonly guest: number;
}

/** A host folder shared with the guest. Host paths belong to the user, not to the store, so they may be absolute. */
export interface Mount extends WithUnknownKeys {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the guest. */
  readonly target: string;
  /** `classic`: by sshfs; `native`: by 9p. */
  readonly type: MountType;
  /** Of users. */
  readonly uidMappings: readonly IdMapping[];
  /** Of groups. */
  readonly gidMappings: readonly IdMapping[];
}

const MOUNT_KEYS = ['source', 'target', 'type', 'uidMappings', 'gidMappings'];

/** @throws RecordError with the place of what is wrong */
export function decodeMount(place: JsonPlace): Mount {
  return {
    source: place.key('source').string(),
    target: place.key('target').matching(/^\//, 'an absolute path'),
    type: place.key('type').oneOf(['classic', 'native']),
    uidMappings: place.key('uidMappings').items().map(decodeIdMapping),
    gidMappings: place.key('gidMappings').items().map(decodeIdMapping),
    ...place.unknownKeys(MOUNT_KEYS),
  };
}

function decodeIdMapping(place: JsonPlace): IdMapping {
  return {
    host: place.key('host').integer(0),
    guest: place.key('guest').integer(-1),
    ...place.unknownKeys(['host', 'guest']),
  };
}
