import type { ClonedInstance, CloneReport } from '../../vm/clone/report.js';
import { formatJson } from './json.js';

/** The output of `multipass clone --format json`. */
export function formatCloneResultJson(report: CloneReport): string {
  return formatJson({
    dry_run: report.dryRun,
    source: report.source,
    snapshot: report.snapshot,
    strategy: report.strategy,
    consistency: report.consistency,
    bytes_to_copy: report.bytesToCopy,
    bytes_shared: report.bytesShared,
    fits: report.fits,
    clones: report.clones.map(cloneJson),
    timings_ms: report.timingsMs,
  });
}

function cloneJson({ name, identity, atFirstBoot, unchanged }: ClonedInstance) {
  return {
    name,
    identity: {
      macs: identity.macs.map((mac) => ({ interface: mac.interface, ...pair(mac) })),
      uuid: pair(identity.uuid),
      vmgenid: pair(identity.vmgenid),
      instance_id: pair(identity.instanceId),
      hostname: pair(identity.hostname),
    },
    at_first_boot: atFirstBoot,
    unchanged,
  };
}

function pair(replaced: { readonly old: string; readonly new: string }) {
  return { old: replaced.old, new: replaced.new };
}
