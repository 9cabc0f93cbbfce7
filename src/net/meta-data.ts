import { MultipassError } from '../errors.js';
import { ownMetaData, ownMetaDataIdentity, type MetaDataIdentity } from './own-meta-data.js';
import { SeedDocument } from './seed-document.js';

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
  const isOwn = text === null || ownMetaDataIdentity(text) !== undefined;
  const own = isOwn ? ownMetaData(identity) : undefined;
  if (own !== undefined) return own;
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
  const own = ownMetaDataIdentity(text);
  if (own !== undefined) return own;
  try {
    const { root } = SeedDocument.parse(text, 'meta-data');
    return { instanceId: root.text('instance-id'), hostname: root.text('local-hostname') };
  } catch (error) {
    if (error instanceof MultipassError) return { instanceId: null, hostname: null };
    throw error;
  }
}
