/**
 * multipass-ts as a library: `openStore(root?)` gives a store, `store.get(name)` an instance, `vm.clone()` a copy.
 */
export {
  openStore,
  VirtualMachineStore,
  type DoctorOptions,
  type FindOptions,
  type MigrateOptions,
} from './vm/virtual-machine-store.js';
export type {
  VirtualMachine,
  CloneOptions,
  RestoreOptions,
  StartOptions,
} from './vm/virtual-machine.js';
export { clonePool, type ClonePool, type ClonePoolOptions } from './vm/clone-pool.js';
export type { InstanceHandle, InstanceSummary } from './vm/instance-handle.js';
export type { GuestAccess } from './vm/guest-access.js';
export type { GuestProcess, GuestExit } from './vm/guest/guest-process.js';
export type { GuestCommand } from './vm/guest/guest-script.js';
export type { ExecOptions, ExecResult, SpawnOptions } from './vm/guest/exec-in-guest.js';
export type { WaitCondition, WaitOptions } from './vm/guest/wait-for.js';
export type { FoundImage, FoundImages } from './vm/images/find-images.js';
export type { ListedImage } from './vm/lineage/image-list.js';
export type {
  DoctorReport,
  Finding,
  FindingKind,
  MachineFacts,
  Severity,
} from './vm/doctor/doctor.js';
export type { HostNetwork } from './net/bridge/host-networks.js';
export type { MigrationOutcome } from './vm/migrate/migrate.js';
export type { MigratedInstance, MigrationReport } from './vm/migrate/report.js';
export type { CloneChoices, CloneOverrides } from './vm/clone/clone-request.js';
export type {
  ClonedInstance,
  CloneIdentity,
  CloneReport,
  Replaced,
  ReplacedMac,
} from './vm/clone/report.js';
export type { LaunchOptions, WantedNetwork } from './vm/launch/launch-request.js';
export type { MountChoices } from './vm/mounts/mount-folder.js';
export type { StoreEvent } from './vm/watch-instances.js';
export type { SnapshotTexts } from './vm/snapshots/take-snapshot.js';
export type { PathLike } from './vm/transfer/byte-path.js';
export type { TransferOptions, TransferReport } from './vm/transfer/transfer-request.js';
export type { TreeNode } from './vm/lineage/tree.js';
export type {
  BrokenInstanceView,
  InstanceView,
  Problem,
  ReadableInstanceView,
  RuntimeInfo,
  SnapshotView,
} from './vm/views.js';
export type { InstanceState } from './vm/state.js';
export { Work, type Phase, type Progress, type WorkOptions, type WorkRequest } from './work.js';
export type { InstanceSpec } from './vm/records/spec.js';
export type {
  ImageQuery,
  ImageRecord,
  Lineage,
  MigrationOrigin,
} from './vm/records/image-record.js';
export type { IdMapping, Mount, MountType } from './vm/records/mount.js';
export type { NetworkInterface } from './vm/records/interface.js';
export type { SnapshotRecord } from './vm/records/snapshot-record.js';
export type { MemorySize } from './memory-size.js';
export { MacAddress } from './net/mac-address.js';
export { MacAddressGenerator } from './net/mac-address-generator.js';
export { MultipassError, RecordError, ExecError, type ErrorCode } from './errors.js';
export { setLogSink, type LogSink, type Verbosity } from './log.js';
