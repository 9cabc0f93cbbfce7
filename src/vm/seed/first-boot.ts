import { isMap, isNothing, isScalar, parseGuestYaml, visit, type YAMLMap } from '../../yaml.js';
import { dataFormat, type DataFormat } from './data-format.js';
import { EMPTY_CONFIG } from './empty-config.js';
import { hasIdentityHook, readableVendorData } from './identity-hook.js';
import type { IsoFile } from './iso9660-reader.js';

/** What a guest renews of itself at its first boot as another instance. */
export type Renewal = 'machine_id' | 'ssh_host_keys';

/** What a seed with a new instance-id comes to in the guest. */
export interface FirstBoot {
  readonly renews: readonly Renewal[];
  /** Why the others are not in it, in sentences for the user. */
  readonly keeps: readonly string[];
}

/** Formats whose settings only cloud-init itself gets at. */
const OPAQUE: Readonly<Partial<Record<DataFormat, string>>> = {
  mime: 'a MIME message',
  template: 'a template',
  include: 'a list of addresses',
  archive: 'a cloud-config-archive',
  patch: 'a patch',
  compressed: 'compressed',
};

const OFF = /^(?:no|n|off|false|0)$/i;
const BOOTHOOK = 'text/cloud-boothook';

const SAME_ID = 'the machine-id stays that of the source:';
const SAME_KEYS = 'the ssh host keys stay those of the source:';

/** The settings of the seed that decide it. */
interface Settings {
  readonly vendorData: 'on' | 'off' | 'without boothooks';
  /** What keeps the ssh host keys, or gives others: the name of a setting. */
  readonly sshKeys: string | null;
  /** Names that it gives the machine itself, whatever its copy is called: by their settings. */
  readonly hostNames: readonly (readonly [setting: string, name: string])[];
}

/**
 * Tells what cloud-init will make new at the first boot of a copy, as far as its seed decides that. What cannot be
 * told from it is not promised.
 */
export function firstBootOf(seed: readonly IsoFile[]): FirstBoot {
  const dataOf = (name: string): Buffer =>
    seed.find((file) => file.name === name)?.data ?? Buffer.alloc(0);
  const settings = settingsOf(dataOf('user-data'));
  if (typeof settings === 'string') {
    const doubt = `whether the machine-id and the ssh host keys become new is not known: user-data is ${settings}`;
    return { renews: [], keeps: [doubt] };
  }
  const vendorData = dataOf('vendor-data');
  const ids = whyNoNewId(settings, vendorData);
  const keys = whyNoNewKeys(settings, vendorData);
  return {
    renews: [
      ...(ids === null ? ['machine_id' as const] : []),
      ...(keys === null ? ['ssh_host_keys' as const] : []),
    ],
    keeps: [
      ...[ids, keys].filter((reason) => reason !== null),
      ...settings.hostNames.map(
        ([setting, name]) =>
          `the host name "${name}" stays that of the source: user-data sets ${setting}`,
      ),
    ],
  };
}

function whyNoNewId({ vendorData: use }: Settings, vendorData: Buffer): string | null {
  if (use === 'off') return `${SAME_ID} user-data turns vendor_data off`;
  if (use === 'without boothooks') return `${SAME_ID} user-data turns boothooks of vendor_data off`;
  if (hasIdentityHook(vendorData)) return null;
  const isCompressed = dataFormat(vendorData) === 'compressed';
  return `${SAME_ID} vendor-data ${isCompressed ? 'is compressed, and was left alone' : 'does not change it'}`;
}

function whyNoNewKeys(settings: Settings, vendorData: Buffer): string | null {
  if (settings.sshKeys !== null) return `${SAME_KEYS} user-data sets ${settings.sshKeys}`;
  if (settings.vendorData === 'off') return null;
  const format = dataFormat(vendorData);
  if (format === 'compressed')
    return `${SAME_KEYS.replace('stay', 'may stay')} vendor-data is compressed`;
  const [mentioned] =
    /ssh_deletekeys|ssh_keys|cloud_init_modules/.exec(readableVendorData(vendorData)) ?? [];
  if (mentioned === undefined) return null;
  return `${SAME_KEYS.replace('stay', 'may stay')} vendor-data speaks of ${mentioned}`;
}

/** @returns what user-data is, when it cannot be looked into */
function settingsOf(userData: Buffer): Settings | string {
  if (userData.equals(NOTHING)) return NO_SETTINGS;
  const format = dataFormat(userData);
  const opaque = OPAQUE[format];
  if (opaque !== undefined) return opaque;
  if (format !== 'cloud-config') return NO_SETTINGS;
  let root: unknown;
  try {
    root = parseGuestYaml(userData.toString('utf8')).contents;
  } catch {
    return 'no YAML that could be read';
  }
  if (!isMap(root)) return NO_SETTINGS;
  return {
    vendorData: vendorDataUse(root),
    sshKeys: sshKeysSetting(root),
    hostNames: ['hostname', 'fqdn'].flatMap((setting) => {
      const node = root.get(setting, true);
      return isScalar(node) && !isNothing(node) ? [[setting, String(node.value)] as const] : [];
    }),
  };
}

const NOTHING = Buffer.from(EMPTY_CONFIG);
const NO_SETTINGS: Settings = { vendorData: 'on', sshKeys: null, hostNames: [] };

function vendorDataUse(root: YAMLMap): Settings['vendorData'] {
  const node = root.get('vendor_data', true);
  if (node === undefined) return 'on';
  // What is no mapping counts as off.
  if (!isMap(node)) return 'off';
  // It replaces cloud-init's own, whose `enabled` it has to repeat only where lists are not merged: they are.
  if (node.has('enabled') && isOff(node.get('enabled', true))) return 'off';
  const excluded = textsIn(node.get('disabled_handlers', true));
  return excluded.includes(BOOTHOOK) || excluded.includes('all') ? 'without boothooks' : 'on';
}

function sshKeysSetting(root: YAMLMap): string | null {
  if (root.has('ssh_deletekeys') && isOff(root.get('ssh_deletekeys', true))) {
    return 'ssh_deletekeys to false';
  }
  return ['ssh_keys', 'cloud_init_modules'].find((key) => root.has(key)) ?? null;
}

function isOff(node: unknown): boolean {
  return isNothing(node) || (isScalar(node) && OFF.test(String(node.value)));
}

function textsIn(node: unknown): string[] {
  const texts: string[] = [];
  if (isScalar(node)) return [String(node.value)];
  if (typeof node !== 'object' || node === null) return texts;
  visit(node as YAMLMap, { Scalar: (_, scalar) => void texts.push(String(scalar.value)) });
  return texts;
}
