/** Who the machine is, to cloud-init. */
export interface MetaDataIdentity {
  /** One that the disk has not seen makes cloud-init run its per-instance modules again. */
  readonly instanceId: string;
  readonly hostname: string;
}

const OWN =
  /^#cloud-config\ninstance-id: ([\w-]+)\nlocal-hostname: ([\w-]+)\ncloud-name: multipass\n$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const NAME = /^[a-z][a-z0-9-]*$/i;
/** What YAML 1.1 takes for a truth value, for nothing, or, by the library, for a number. */
const WORD = /^(?:y|n|yes|no|on|off|true|false|null|e-?\d+)$/i;

/**
 * The identity in a meta-data file of the shape that Multipass 1.15 writes, and we, when nobody has changed anything
 * about it. It is recognised, and written, without the YAML library: see `own-network-config.ts`.
 * @returns undefined for any other file
 */
export function ownMetaDataIdentity(text: string): MetaDataIdentity | undefined {
  const [, instanceId, hostname] = OWN.exec(text) ?? [];
  if (instanceId === undefined || hostname === undefined) return undefined;
  return isPlain(instanceId) && isPlain(hostname) ? { instanceId, hostname } : undefined;
}

/** Such a file. @returns undefined for an identity that would need quotes */
export function ownMetaData({ instanceId, hostname }: MetaDataIdentity): string | undefined {
  if (!isPlain(instanceId) || !isPlain(hostname)) return undefined;
  return `#cloud-config\ninstance-id: ${instanceId}\nlocal-hostname: ${hostname}\ncloud-name: multipass\n`;
}

/** Whether no reader of YAML takes it for anything but that text. */
function isPlain(text: string): boolean {
  return UUID.test(text) || (NAME.test(text) && !WORD.test(text));
}
