import { hasCode } from '../../errors.js';
import { withDiskBytes } from '../../qemu/disk-bytes.js';
import { missingEnd } from '../../qemu/qcow2-extent.js';
import { factsOf, hasSnapshotNamed, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { checkDisk } from '../../qemu/qemu-img.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { SUSPEND_TAG } from '../read-instance.js';
import { snapshotTag } from '../records/snapshot-record.js';
import { artifactInvalid } from './artifact-error.js';
import type { TravelConfig, TravelFile } from './travel-config.js';

/** The largest disk that is taken. */
const LARGEST = 16 * 1024 ** 4;

/** What is looked through. */
export interface VerifyRequest {
  readonly dir: InstanceDir;
  readonly config: TravelConfig;
  /** Bases that are the store's own, and so were checked when they came. */
  readonly here: ReadonlySet<string>;
  readonly origin: string;
  readonly work: Work;
}

/**
 * Looks through the disks of an artifact before any program sees them: each is a qcow2 image that leads to nothing but
 * the file of the artifact which it is said to stand on, and bases have no snapshots. Then each is checked, in a
 * sandbox.
 * @returns what the head says of itself
 * @throws MultipassError ARTIFACT_INVALID; TOOL_MISSING, ABORTED, …
 */
export async function verifyDisks(request: VerifyRequest): Promise<Qcow2Facts> {
  const { dir, config, here, origin, work } = request;
  const [head, ...bases] = config.files.map((file) => lookAt(request, file));
  if (head === undefined) throw new Error('an artifact without a disk');
  requireStates(request, head);
  for (const [index, facts] of bases.entries()) {
    if (facts.snapshots.length === 0) continue;
    throw artifactInvalid(origin, `its "${config.files[index + 1]?.name ?? ''}" has snapshots`);
  }
  for (const { name, kept } of config.files) {
    if (kept !== null || here.has(name)) continue;
    const health = await checkDisk(dir.file(name), { foreign: 'qcow2', signal: work.signal });
    if (health === 'damaged') throw artifactInvalid(origin, `its disk "${name}" is damaged`);
  }
  return head;
}

function lookAt({ dir, origin }: VerifyRequest, { name, backing }: TravelFile): Qcow2Facts {
  const fail = (problem: string): never => {
    throw artifactInvalid(origin, `its disk "${name}" ${problem}`);
  };
  try {
    return withDiskBytes(dir.file(name), (bytes) => {
      const facts = factsOf(bytes);
      if (facts.backingFile !== backing) {
        fail(
          `stands on ${JSON.stringify(facts.backingFile)} in place of ${JSON.stringify(backing)}`,
        );
      }
      if (backing !== null && facts.backingFormat !== 'qcow2') {
        fail('does not say that what it stands on is a qcow2 image');
      }
      if (facts.externalData) fail('keeps its data in another file');
      if (facts.encrypted) fail('is encrypted');
      if (facts.corrupt || facts.dirty) fail('was not closed, or is marked as damaged');
      if (facts.virtualSize === 0 || facts.virtualSize > LARGEST) {
        fail(`is a disk of ${facts.virtualSize} bytes`);
      }
      const end = missingEnd(bytes);
      if (end !== undefined) fail(`is cut off: it has data up to byte ${end}`);
      return facts;
    });
  } catch (error) {
    if (!hasCode(error, 'DISK_INVALID')) throw error;
    return fail(`is no qcow2 image: ${String(error.details['problem'])}`);
  }
}

/** A snapshot without a state could never be restored; and a memory without its machine is no use. */
function requireStates({ config, origin }: VerifyRequest, head: Qcow2Facts): void {
  if (hasSnapshotNamed(head, SUSPEND_TAG)) {
    throw artifactInvalid(origin, 'its disk holds the memory of a suspended machine');
  }
  for (const { index, name } of config.snapshots) {
    if (hasSnapshotNamed(head, snapshotTag(index))) continue;
    throw artifactInvalid(origin, `its disk has no state of its snapshot "${name}"`);
  }
}
