import { formatReference } from '../../registry/reference.js';
import { Work } from '../../work.js';
import { backingChain } from '../disks/backing-chain.js';
import { readInstance } from '../read-instance.js';
import { noteWhereabouts } from './base-whereabouts.js';
import { importInstance } from './import-instance.js';
import { decodeIndex } from './manifest.js';
import type { PullReport, PullRequest } from './pull-request.js';
import { registryAccess } from '../registry-access.js';
import { RegistrySource } from './registry-source.js';

/**
 * Makes an instance of what a registry has: a copy with an identity of its own. Bases that are here are not fetched. It
 * is staged, looked through and published as an import is.
 *
 * @throws MultipassError REFERENCE_NOT_FOUND, REGISTRY_DENIED, REGISTRY_FAILED; as `importInstance`
 */
export async function pullInstance(request: PullRequest): Promise<PullReport> {
  const { layout, reference: text, ...choices } = request;
  const work = Work.of(request.work);
  const { parse, options } = registryAccess(layout, work);
  const reference = parse(text);
  const source = await RegistrySource.open(reference, options);
  const { origin, named } = source;
  const from = { artifact: source };
  const report = await importInstance({ ...choices, layout, from, phase: 'pulling', work });
  const { digest } = decodeIndex(await source.index(), origin);
  const { dir, disk } = readInstance(layout, report.name);
  const bases = backingChain(dir, disk);
  const { host: registry, repository } = reference;
  await noteWhereabouts(layout, { registry, repository, digest, bases }, undefined);
  const { name, original, uuid, bytesWritten, bytesShared } = report;
  return {
    name,
    original,
    uuid,
    bytesWritten,
    bytesShared,
    reference: formatReference(reference),
    digest: named.digest,
    pinned: formatReference({ ...reference, tag: null, digest: named.digest }),
  };
}
