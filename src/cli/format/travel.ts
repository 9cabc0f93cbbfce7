import { formatMemorySize } from '../../command-line.js';
import type { ExportReport, ImportReport, Mount } from '../../index.js';
import { shellWord } from '../completion/shell-quote.js';
import { formatLosses, lossesJson } from './losses.js';

/** The output of `multipass export`. */
export function formatExport(
  { name, snapshot, bytes, userDataBytes }: ExportReport,
  file: string,
): string {
  const what = snapshot === null ? name : `${name}.${snapshot}`;
  const seed = userDataBytes === 0 ? '' : `, ${userDataBytes} bytes of user-data among them`;
  return `Exported ${what} to ${file} (${formatMemorySize(bytes)}${seed}).\n`;
}

/** The output of `multipass export --format json`. */
export function exportJson(report: ExportReport) {
  return {
    exported: report.name,
    snapshot: report.snapshot,
    digest: report.digest,
    bytes: report.bytes,
    compression: report.compression,
    chunks: report.chunks,
    files: report.files.map(({ name, size, travels }) => ({ name, size, travels })),
    identity: report.keepsIdentity,
    key: report.hasKey,
    user_data_bytes: report.userDataBytes,
  };
}

/** The output of `multipass import`: what there is now, and how to mount what was mounted. */
export function formatImport(report: ImportReport): string {
  const { name, original, kind } = report;
  const from = original === name ? '' : `, which was ${original}`;
  const of = kind === 'instance' ? '' : ` (${kind})`;
  return `Imported ${name}${from}${of}.\n${whatIsLeft(report)}`;
}

/** The output of `multipass adopt` of what is outside of the store. */
export function formatAdopted(report: ImportReport, path: string): string {
  const { name, kind } = report;
  const of = kind === 'folder' ? '' : ` (${kind})`;
  return `Adopted ${name} from ${path}${of}, which stays as it is.\n${whatIsLeft(report)}`;
}

function whatIsLeft({ name, mounts, losses }: ImportReport): string {
  const lines = mounts.map((mount) => `Not mounted: ${mountCommand(name, mount)}\n`);
  return [...lines, formatLosses(losses)].join('');
}

/** The output of `multipass import --format json`. */
export function importJson(report: ImportReport) {
  return {
    imported: report.name,
    original: report.original,
    uuid: report.uuid,
    identity: report.keepsIdentity ? 'kept' : 'new',
    kind: report.kind,
    digest: report.digest,
    bytes_written: report.bytesWritten,
    bytes_shared: report.bytesShared,
    mounts: report.mounts.map((mount) => ({
      source: mount.source,
      target: mount.target,
      command: mountCommand(report.name, mount),
    })),
    ...lossesJson(report.losses),
  };
}

function mountCommand(name: string, { source, target, type }: Mount): string {
  const words = [source, `${name}:${target}`].map(shellWord).join(' ');
  return `multipass mount --type ${type} ${words}`;
}
