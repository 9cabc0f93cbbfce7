/**
 * multipass-ts as a library: `openStore(root?)` gives a store, `store.get(name)` an instance, `vm.clone()` a copy.
 */
export { openStore, VirtualMachineStore } from './vm/virtual-machine-store.js';
export type { StoreCare } from './vm/store-care.js';
export type { VirtualMachine, CloneOptions } from './vm/virtual-machine.js';
export type { InstanceControl } from './vm/instance-control.js';
export type { GuestAccess } from './vm/guest-access.js';
export type { InstanceHandle, InstanceSummary } from './vm/instance-handle.js';
export { clonePool, type ClonePool, type ClonePoolOptions } from './vm/clone-pool.js';
// how instances are made and run
export type { LaunchOptions, LaunchReport, WantedNetwork } from './vm/launch/launch-request.js';
export type { CloneChoices, CloneOverrides } from './vm/clone/clone-request.js';
export type {
  ClonedInstance,
  CloneIdentity,
  CloneReport,
  Replaced,
  ReplacedMac,
} from './vm/clone/report.js';
export type { AdoptReport } from './vm/adopt-instance.js';
export type { StartOptions } from './vm/run/start-instance.js';
export type { StopOptions } from './vm/run/stop-instance.js';
export type { RestartOptions } from './vm/run/restart-instance.js';
export type { ForwardChoice, ForwardedPort } from './vm/forwards/forward-text.js';
export type { ForwardBlocker, ForwardState, ForwardView } from './vm/forwards/forward-view.js';
export type { MountChoices } from './vm/mounts/mount-folder.js';
export type { ExportChoices, ExportOptions, ExportReport } from './vm/travel/export-request.js';
export type {
  ImportChoices,
  ImportInstanceOptions,
  ImportKind,
  ImportReport,
} from './vm/travel/import-request.js';
export type { CopyToOptions, CopyToReport, HeldBase } from './vm/travel/copy-request.js';
export type { Engine, HandOverOptions, HandOverReport } from './vm/outward/hand-over-request.js';
export type { PushChoices, PushOptions, PushReport } from './vm/travel/push-request.js';
export type { PullChoices, PullOptions, PullReport } from './vm/travel/pull-request.js';
export type { ChangedThing, KeptThing, LossReport, LostThing } from './vm/loss-report.js';
export type { Compression } from './vm/travel/compression-names.js';
export type { Digest } from './files/digest.js';
export type { SnapshotChoices, SnapshotTexts } from './vm/snapshots/snapshot-choices.js';
export type { RestoreOptions } from './vm/snapshots/restore-snapshot.js';
export type { SnapshotListing } from './vm/snapshots/list-snapshots.js';
export type { StrayTag } from './vm/snapshots/stray-tags.js';
// what is done in a guest
export type { GuestProcess, GuestExit } from './vm/guest/guest-process.js';
export type { GuestCommand } from './vm/guest/guest-script.js';
export type { ExecOptions, ExecResult, SpawnOptions } from './vm/guest/exec-in-guest.js';
export type { ShellOptions } from './vm/guest/enter-instance.js';
export type { GuestConsole } from './vm/guest/open-console.js';
export type { LogOptions } from './vm/guest/read-log.js';
export type { WaitCondition, WaitOptions } from './vm/guest/wait-for.js';
export type { PathLike } from './vm/transfer/byte-path.js';
export type { GuestPath } from './vm/transfer/download.js';
export type {
  TransferOptions,
  TransferReport,
  WriteFileOptions,
} from './vm/transfer/transfer-request.js';
// what a store has besides
export type { FindOptions, FoundImage, FoundImages } from './vm/images/find-images.js';
export type { StreamImage } from './vm/images/simplestreams.js';
export type { ImportedImage, ImportOptions } from './vm/images/import-image.js';
export type { ListedImage } from './vm/lineage/image-list.js';
export type { TreeNode } from './vm/lineage/tree.js';
export type { HostNetwork } from './net/bridge/host-networks.js';
export type { AliasDefinition } from './vm/change-aliases.js';
export type { AliasList, ListedAlias, ListedContext } from './vm/aliases/list-aliases.js';
export type { AutostartOptions, AutostartUnit } from './vm/autostart/autostart-unit.js';
export type { Rested } from './vm/autostart/rest-instances.js';
export type { InstallSshConfigOptions, SshConfigWish } from './vm/guest/ssh-config-wish.js';
export type { MigrateOptions, MigrationOutcome } from './vm/migrate/migrate.js';
export type { MigratedInstance, MigrationReport } from './vm/migrate/report.js';
export type {
  DoctorOptions,
  DoctorReport,
  Finding,
  FindingKind,
  MachineFacts,
  Severity,
} from './vm/doctor/doctor.js';
export type { Accelerator } from './qemu/machine.js';
export type { FileSystemFacts } from './vm/disks/file-system.js';
export type { StoreEvent } from './vm/watch-instances.js';
export type { Consistency } from './vm/live/standstill.js';
// what is told of instances
export type { NetworkGuest, NetworkStatus } from './vm/run/network-status.js';
export type { NetworkMode } from './vm/settings/store-settings.js';
export type {
  BrokenInstanceView,
  InstanceView,
  Problem,
  Reach,
  ReadableInstanceView,
  RuntimeInfo,
  SnapshotView,
} from './vm/views.js';
export type { InstanceState, LiveState, RestState } from './vm/state.js';
export type { InstanceSpec } from './vm/records/spec.js';
export type {
  CopyStrategy,
  ImageQuery,
  ImageRecord,
  Lineage,
  MigratedDisk,
  MigrationOrigin,
  RecordedStrategy,
} from './vm/records/image-record.js';
export type { Forward, Protocol } from './vm/records/forward.js';
export type { IdMapping, Mount, MountType } from './vm/records/mount.js';
export type { NetworkInterface } from './vm/records/interface.js';
export type { DiskOperation } from './vm/records/pending-record.js';
export type { WithUnknownKeys } from './files/decoder.js';
export type { SnapshotRecord } from './vm/records/snapshot-record.js';
// what everything is made of
export { Work, type Phase, type Progress, type WorkOptions, type WorkRequest } from './work.js';
export type { MemorySize } from './memory-size.js';
export { MacAddress } from './net/mac-address.js';
export { MacAddressGenerator, type ReserveMac } from './net/mac-address-generator.js';
export {
  MultipassError,
  RecordError,
  ExecError,
  type ErrorCode,
  type RecordFault,
} from './errors.js';
export { remedyOf } from './remedy.js';
export { setLogSink, type LogSink, type Verbosity } from './log.js';
