import { absolutePath } from '../../files/absolute-path.js';
import { formatMemorySize, notASize, parseMemorySize } from '../../memory-size.js';
import { isRegistryHost } from '../../registry/registry-host.js';
import { LEAST_DISK, LEAST_MEMORY, TOO_LITTLE_MEMORY } from '../least-sizes.js';
import { isValidName } from '../names.js';
import { isScryptHash } from './passphrase-form.js';

/** A setting of the whole store. */
export interface StoreSetting {
  /** What it is while nobody has set it. */
  readonly fallback: string;
  /** The values it takes, where there are few. */
  readonly values?: readonly string[];
  /** What is wrong with a value as it would stand in the file; null when it is right. */
  readonly problemOf: (stored: string) => string | null;
  /** The form that a value is stored in; without it as it was given. */
  readonly normalise?: (given: string) => string;
  /** What `get` prints. */
  readonly show?: (stored: string) => string;
}

/**
 * What instances are put on: a network that they share, QEMU's own for each, or a bridge of the host; `auto` is the
 * first of these that the host permits.
 */
export type NetworkMode = 'auto' | 'shared' | 'user' | 'bridge';
export const NETWORK_MODES: readonly NetworkMode[] = ['auto', 'shared', 'user', 'bridge'];

/** `auto`: as each kind of network has it. */
export const LOOPBACK_CHOICES = ['auto', 'true', 'false'] as const;
export type LoopbackChoice = (typeof LOOPBACK_CHOICES)[number];

export const ACCELERATORS = ['auto', 'kvm', 'tcg'] as const;
export type AcceleratorChoice = (typeof ACCELERATORS)[number];

const ON = /^(?:true|on|yes|1)$/i;
const OFF = /^(?:false|off|no|0)$/i;
const CONTROL = /\p{Cc}/u;
/** Names and addresses by which a machine reaches itself. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** True while nobody has said otherwise. */
const TRUE_OR_FALSE: StoreSetting = {
  fallback: 'true',
  values: ['true', 'false'],
  problemOf: (flag) =>
    flag === 'true' || flag === 'false' ? null : 'Invalid flag, need "true" or "false"',
  normalise: (given) => (ON.test(given) ? 'true' : OFF.test(given) ? 'false' : given),
};

/** Every setting of the store, by its key: the one place that says what they may be. */
export const STORE_SETTINGS = {
  'client.primary-name': {
    fallback: 'primary',
    problemOf: (name) =>
      name === '' || isValidName(name) ? null : 'it is no name that an instance can have',
  },
  'local.driver': choice('qemu', ['qemu']),
  'local.passphrase': {
    fallback: '',
    problemOf: (hash) => (hash === '' || isScryptHash(hash) ? null : 'it is no hash'),
    show: (hash) => String(hash !== ''),
  },
  'local.bridged-network': {
    fallback: '',
    problemOf: (name) => (CONTROL.test(name) ? 'it is no name that a network can have' : null),
  },
  'local.privileged-mounts': TRUE_OR_FALSE,
  'local.image.mirror': {
    fallback: '',
    problemOf: (url) => (url === '' || url === mirrorUrl(url) ? null : MIRROR_RULE),
    normalise: (given) => mirrorUrl(given) ?? given,
  },
  'local.registry': {
    fallback: '',
    problemOf: (host) => (host === '' || isRegistryHost(host) ? null : 'need a host, or host:port'),
  },
  'local.registry.insecure': {
    fallback: '',
    problemOf: (list) =>
      list === '' || list.split(',').every(isRegistryHost)
        ? null
        : 'need hosts, or host:port, with commas between them',
    normalise: (given) => given.replaceAll(/\s/g, ''),
  },
  'local.network': choice('auto', NETWORK_MODES),
  'local.host-loopback': {
    ...TRUE_OR_FALSE,
    fallback: 'auto',
    values: LOOPBACK_CHOICES,
    problemOf: choice('auto', LOOPBACK_CHOICES).problemOf,
  },
  'local.accelerator': choice('auto', ACCELERATORS),
  'local.default.cpus': {
    fallback: '1',
    problemOf: (cpus) =>
      /^[1-9][0-9]{0,5}$/.test(cpus)
        ? null
        : 'Need a positive integer (in decimal format) of minimum 1',
  },
  'local.default.memory': size('1G', LEAST_MEMORY, TOO_LITTLE_MEMORY),
  'local.default.disk': size('5G', LEAST_DISK, 'Disk less than 512M minimum not allowed'),
  'local.default.image': {
    fallback: 'default',
    problemOf: (image) =>
      image === '' || CONTROL.test(image) ? 'it is no name that an image can have' : null,
  },
  'local.default.cloud-init': {
    fallback: '',
    problemOf: (source) =>
      source === '' || /^(?:\/|https?:\/\/)/i.test(source)
        ? null
        : 'need the path of a file, or a URL',
    normalise: (given) =>
      given === '' || given === '-' || /^https?:\/\//i.test(given) ? given : absolutePath(given),
  },
} as const satisfies Readonly<Record<string, StoreSetting>>;

export type StoreSettingKey = keyof typeof STORE_SETTINGS;

const MIRROR_RULE = 'need an https URL, without a user, a query or a fragment';

export function isStoreSettingKey(key: string): key is StoreSettingKey {
  return Object.hasOwn(STORE_SETTINGS, key);
}

/** The setting with a key. */
export function storeSetting(key: StoreSettingKey): StoreSetting {
  return STORE_SETTINGS[key];
}

/** The URL of a mirror with a slash at its end, so that paths can be appended; null for anything else. */
export function mirrorUrl(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const { protocol, hostname, username, password, search, hash } = url;
  const isTrusted = protocol === 'https:' || (protocol === 'http:' && LOOPBACK.test(hostname));
  if (!isTrusted || username + password + search + hash !== '') return null;
  // A lone `?` or `#` is no query, but would stay in the text.
  return `${url.origin}${url.pathname.replace(/\/*$/, '')}/`;
}

function size(fallback: string, least: number, tooLittle: string): StoreSetting {
  return {
    fallback,
    problemOf: (text) => {
      const bytes = parseMemorySize(text);
      if (bytes === null) return notASize(text);
      return bytes < least ? tooLittle : null;
    },
    show: (text) => formatMemorySize(parseMemorySize(text) ?? 0),
  };
}

function choice(fallback: string, choices: readonly string[]): StoreSetting {
  return {
    fallback,
    values: choices,
    problemOf: (value) =>
      choices.includes(value) ? null : `need ${choices.map((one) => `"${one}"`).join(' or ')}`,
  };
}
