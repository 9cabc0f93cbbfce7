import { formatMemorySize } from '../../command-line.js';
import type { PullReport, PushReport } from '../../index.js';

/** The output of `multipass push`. */
export function formatPush(report: PushReport): string {
  const { name, snapshot, reference, pinned, bytesSent, userDataBytes } = report;
  const what = snapshot === null ? name : `${name}.${snapshot}`;
  const seed = userDataBytes === 0 ? '' : `, ${userDataBytes} bytes of user-data among all that`;
  const size = formatMemorySize(bytesSent);
  return `Pushed ${what} to ${reference} (${size} sent${seed}).\n${pinned}\n`;
}

/** The output of `multipass push --format json`. */
export function pushJson(report: PushReport) {
  return {
    pushed: report.name,
    snapshot: report.snapshot,
    reference: report.reference,
    digest: report.digest,
    pinned: report.pinned,
    chunks: report.chunks,
    chunks_sent: report.chunksSent,
    bytes_sent: report.bytesSent,
    bytes_reused: report.bytesReused,
    container_disk: report.containerDisk,
    user_data_bytes: report.userDataBytes,
  };
}

/** The output of `multipass pull`. */
export function formatPull({ name, original, pinned }: PullReport): string {
  const from = original === name ? '' : `, which was ${original}`;
  return `Pulled ${name}${from}.\n${pinned}\n`;
}

/** The output of `multipass pull --format json`. */
export function pullJson(report: PullReport) {
  return {
    pulled: report.name,
    original: report.original,
    uuid: report.uuid,
    reference: report.reference,
    digest: report.digest,
    pinned: report.pinned,
    bytes_written: report.bytesWritten,
    bytes_shared: report.bytesShared,
  };
}
