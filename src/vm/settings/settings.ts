import { parseMemorySize } from '../../memory-size.js';
import type { StoreLayout } from '../../store/layout.js';
import { invalidSetting } from './setting-errors.js';
import { readSettingsFile, type SettingsRecord } from './settings-file.js';
import {
  ACCELERATORS,
  LOOPBACK_CHOICES,
  mirrorUrl,
  NETWORK_MODES,
  storeSetting,
  type AcceleratorChoice,
  type LoopbackChoice,
  type NetworkMode,
  type StoreSettingKey,
} from './store-settings.js';

/** The environment of the process, or what stands for it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What a launch takes that does not say otherwise. */
export interface LaunchDefaults {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes; an image that wants more gets more. */
  readonly disk: number;
  /** As `launch` takes it. */
  readonly image: string;
  /** The path of a file, absolute, or a URL; null for none. */
  readonly cloudInit: string | null;
}

/** What the user has set, for the commands that go by it. A view of one reading of the file. */
export class Settings {
  readonly #record: SettingsRecord;
  readonly #env: Environment;

  constructor(record: SettingsRecord, env: Environment) {
    this.#record = record;
    this.#env = env;
  }

  /** The instance that commands without a name are about; '' for none. */
  get primaryName(): string {
    return this.#value('client.primary-name');
  }

  /**
   * Where images come from instead of their own servers: a URL with a slash at its end, or null.
   * MULTIPASS_IMAGE_MIRROR wins.
   * @throws MultipassError SETTING_INVALID when that is no https URL
   */
  get imageMirror(): string | null {
    const given = this.#env['MULTIPASS_IMAGE_MIRROR'] ?? '';
    if (given === '') return this.#value('local.image.mirror') || null;
    return mirrorUrl(given) ?? this.#refuse('MULTIPASS_IMAGE_MIRROR', 'local.image.mirror', given);
  }

  /** The registry that references without a host are looked for in, or null. */
  get registry(): string | null {
    return this.#value('local.registry') || null;
  }

  /** Hosts of registries, with their ports, that are spoken to by plain http. */
  get insecureRegistries(): readonly string[] {
    return this.#value('local.registry.insecure')
      .split(',')
      .filter((host) => host !== '');
  }

  /** The host's network that `bridged` stands for, or null. */
  get bridgedNetwork(): string | null {
    return this.#value('local.bridged-network') || null;
  }

  get network(): NetworkMode {
    return oneOf(NETWORK_MODES, this.#value('local.network'));
  }

  /**
   * Whether guests may reach what listens on the host's loopback. `false`: those that could are not started; `auto`:
   * those in QEMU's own network can, for that knows no other way, those in the shared one cannot.
   */
  get hostLoopback(): LoopbackChoice {
    return oneOf(LOOPBACK_CHOICES, this.#value('local.host-loopback'));
  }

  /**
   * What runs the guests. MULTIPASS_ACCELERATOR wins.
   * @throws MultipassError SETTING_INVALID when that is none
   */
  get accelerator(): AcceleratorChoice {
    const given = this.#env['MULTIPASS_ACCELERATOR'] ?? '';
    if (given === '') return oneOf(ACCELERATORS, this.#value('local.accelerator'));
    const found = ACCELERATORS.find((name) => name === given);
    return found ?? this.#refuse('MULTIPASS_ACCELERATOR', 'local.accelerator', given);
  }

  get privilegedMounts(): boolean {
    return this.#value('local.privileged-mounts') === 'true';
  }

  /** What a launch takes that does not say otherwise. */
  get launchDefaults(): LaunchDefaults {
    const bytes = (key: StoreSettingKey): number => parseMemorySize(this.#value(key)) ?? 0;
    return {
      cpus: Number(this.#value('local.default.cpus')),
      memory: bytes('local.default.memory'),
      disk: bytes('local.default.disk'),
      image: this.#value('local.default.image'),
      cloudInit: this.#value('local.default.cloud-init') || null,
    };
  }

  #value(key: StoreSettingKey): string {
    return this.#record.known[key] ?? storeSetting(key).fallback;
  }

  #refuse(variable: string, key: StoreSettingKey, given: string): never {
    throw invalidSetting(variable, given, storeSetting(key).problemOf(given) ?? 'it is not right');
  }
}

/**
 * The settings of a store: one small synchronous read. Without a file, or a store, they are the defaults.
 * @throws RecordError naming the file and the place; MultipassError PERMISSION_DENIED
 */
export function readSettings(layout: StoreLayout, env: Environment): Settings {
  return new Settings(readSettingsFile(layout), env);
}

/** What the file may hold was looked at when it was read. */
function oneOf<const T extends string>(choices: readonly T[], value: string): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new Error(`no such choice: "${value}"`);
  return found;
}
