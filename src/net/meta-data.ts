import { MultipassError } from '../errors.js';
import { SeedDocument } from './seed-document.js';

/** Who the machine is, to cloud-init. */
export interface MetaDataIdentity {
  /** One that the disk has not seen makes cloud-init run its per-instance modules again. */
  readonly instanceId: string;
  readonly hostname: string;
}

/**
 * meta-data with another identity; its other keys and its comments stay. It may be JSON, which is YAML too. A missing
 * or empty one is made as Multipass does.
 * @param path the file, for messages
 * @throws MultipassError SEED_INVALID naming the path and the place
 */
export function retargetMetaData(
  text: string | null,
  identity: MetaDataIdentity,
  path: string,
): string {
  const document = SeedDocument.parse(text ?? '', path);
  const { root } = document;
  const fresh = root.keys().length === 0;
  root.set('instance-id', identity.instanceId);
  root.set('local-hostname', identity.hostname);
  if (fresh) root.set('cloud-name', 'multipass');
  return document.toString();
}

/** What a meta-data file says; null for what it does not say, and all null when it cannot be read. */
export function readMetaData(text: string): { instanceId: string | null; hostname: string | null } {
  try {
    const { root } = SeedDocument.parse(text, 'meta-data');
    return { instanceId: root.text('instance-id'), hostname: root.text('local-hostname') };
  } catch (error) {
    if (error instanceof MultipassError) return { instanceId: null, hostname: null };
    throw error;
  }
}
