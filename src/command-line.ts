/**
 * What the command needs besides the library, and no program has: its words, its looks at a store before the work, and
 * the errors that it makes itself. It is no part of the package's API, and may change with any version.
 *
 * `src/cli` imports from here and from `index.ts` alone, which lint holds. What does something with an instance or a
 * store belongs into the library; what stands here is a debt unless it is about a command line, or about its start. A
 * function `load…` is for what only some commands need, and none should wait for.
 */
export { sleep, throwIfAborted } from './abort.js';
export { errnoOf, fromSystemError, hasCode } from './errors.js';
export { absolutePath } from './files/absolute-path.js';
export { log } from './log.js';
export { formatMemorySize, notASize, parseMemorySize } from './memory-size.js';
export { guess } from './nearest.js';
export { ephemeralTokens } from './store/ephemeral-tokens.js';
export { checkStoreFormat } from './store/format.js';
export { StoreLayout, isPlainName } from './store/layout.js';
export { instanceEntryNames } from './store/listing.js';
export { storageRoot } from './store/storage-root.js';
export { isAliasName } from './vm/aliases/alias-name.js';
export { isLongChain } from './vm/disks/long-chain.js';
export { instanceNotFound } from './vm/errors.js';
export {
  formatForward,
  numberedForward,
  parseForward,
  parseForwardedPort,
} from './vm/forwards/forward-text.js';
export { listInstances, viewInstance } from './vm/list-instances.js';
export { isValidName } from './vm/names.js';
export { pendingNote } from './vm/pending/still-pending.js';
export { problemOf, type InstanceReading } from './vm/read-instance.js';
export type { InstanceProperty } from './vm/settings/instance-properties.js';
export { readSettings } from './vm/settings/settings.js';
export {
  STORE_SETTINGS,
  isStoreSettingKey,
  storeSetting,
  type StoreSettingKey,
} from './vm/settings/store-settings.js';
export { listSnapshots, lookInto } from './vm/snapshots/list-snapshots.js';
export { countSnapshots } from './vm/read-snapshots.js';
export { requireSnapshot } from './vm/snapshots/snapshot-list.js';
export { isLive } from './vm/state.js';
export { ENGINES } from './vm/outward/hand-over-request.js';
export { atOnce } from './at-once.js';
export { COMPRESSIONS } from './vm/travel/compression-names.js';
export { NOTHING_KNOWN } from './vm/views.js';

export const loadArrivingKey = () => import('./vm/travel/arriving-key.js');
export const loadAskInstances = () => import('./vm/guest/ask-instances.js');
export const loadAttach = () => import('./process/attach.js');
export const loadChooseNetwork = () => import('./vm/run/choose-network.js');
export const loadConfinement = () => import('./vm/run/confinement.js');
export const loadConnectToPort = () => import('./vm/guest/connect-to-port.js');
export const loadDeleteInstance = () => import('./vm/delete-instance.js');
export const loadDeleteSnapshot = () => import('./vm/live-snapshots/delete-live-snapshot.js');
export const loadSnapshotOwners = () => import('./vm/snapshots/delete-snapshot.js');
export const loadEmulation = () => import('./vm/run/emulation.js');
export const loadEndLive = () => import('./vm/run/end-live.js');
export const loadEphemeral = () => import('./vm/ephemeral.js');
export const loadFindAlias = () => import('./vm/aliases/find-alias.js');
export const loadListForwards = () => import('./vm/forwards/list-forwards.js');
export const loadHostMemory = () => import('./vm/run/host-memory.js');
export const loadImageQuery = () => import('./vm/images/image-query.js');
export const loadListInstances = () => import('./vm/list-instances.js');
export const loadListSnapshots = () => import('./vm/snapshots/list-snapshots.js');
export const loadMachineRecord = () => import('./vm/records/machine-record.js');
export const loadMountPlace = () => import('./vm/mounts/mount-place.js');
export const loadNetworkSetup = () => import('./net/shared/setup.js');
export const loadReadInstance = () => import('./vm/read-instance.js');
export const loadReadUserData = () => import('./vm/launch/read-user-data.js');
export const loadRequireStartable = () => import('./vm/run/require-startable.js');
export const loadRunInNetwork = () => import('./vm/run/run-in-network.js');
export const loadSettings = () => import('./vm/settings/settings.js');
export const loadSnapshotNames = () => import('./vm/snapshots/snapshot-names.js');
export const loadSsh = () => import('./vm/guest/ssh.js');
export const loadSshConfigFile = () => import('./vm/guest/ssh-config-file.js');
export const loadStoreHost = () => import('./store/store-host.js');
export const loadUserData = () => import('./vm/seed/user-data.js');
