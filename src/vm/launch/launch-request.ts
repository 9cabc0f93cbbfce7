import type { MemorySize } from '../../memory-size.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { StoreLayout } from '../../store/layout.js';
import type { ForwardChoice } from '../forwards/forward-text.js';
import type { Environment } from '../settings/settings.js';
import type { WorkRequest } from '../../work.js';

/** An interface besides the default one. */
export interface WantedNetwork {
  /** Name of the host's bridge. */
  readonly name: string;
  /** False: the guest's owner configures it, not cloud-init. */
  readonly auto: boolean;
  /** Null: a new one. */
  readonly mac: MacAddress | null;
}

/** What became of a launch. */
export interface LaunchReport {
  /** Of the instance. */
  readonly name: string;
  /** What the guest's cloud-init was not content with at its first boot: lines, ten at most. */
  readonly complaints: readonly string[];
}

/** What is launched, and how. */
export interface LaunchOptions extends WorkRequest {
  /** `[remote:]alias`, a URL or a path; '' for the default image. Default: the setting `local.default.image`. */
  readonly image?: string | undefined;
  /** `raw`: the image is a raw disk, whatever it looks like; of a file or a URL. Default: told by its content. */
  readonly imageFormat?: 'raw' | undefined;
  /** Without one a random name. */
  readonly name?: string | undefined;
  /** Default: the setting `local.default.cpus`. */
  readonly cpus?: number | undefined;
  /** At least 128 MiB. Default: the setting `local.default.memory`. */
  readonly memory?: MemorySize | undefined;
  /** At least 512 MiB and the image's own size. Default: that, or the setting `local.default.disk`. */
  readonly disk?: MemorySize | undefined;
  /** What the user wants of cloud-init: bytes, in any format that it takes. Default: `local.default.cloud-init`. */
  readonly userData?: Buffer | undefined;
  /** Where that is from, for messages. */
  readonly userDataFrom?: string | undefined;
  /** Interfaces besides the default one. Default: none. */
  readonly networks?: readonly WantedNetwork[] | undefined;
  /** Ports of the host that lead into it. */
  readonly forwards?: readonly ForwardChoice[] | undefined;
  /**
   * True: it ends with the block of an `await using`, with its store's, or with this process, as an ephemeral clone
   * does. One that is not done with its set-up in time is purged, too.
   */
  readonly ephemeral?: boolean | undefined;
  /** How long the guest may take to let us in, and again to set itself up. Default 5 minutes each. */
  readonly timeoutMs?: number | undefined;
  /** Told what became of it, once it is there. */
  readonly onReport?: ((report: LaunchReport) => void) | undefined;
  /**
   * Goes through the phases `retrieving`, `verifying`, `extracting`, `preparing`, as far as the image needs them, then
   * `creating`, `starting` and `initializing`.
   */
  readonly work?: WorkRequest['work'];
}

/** What is launched into which store. */
export interface LaunchRequest extends Omit<LaunchOptions, 'ephemeral' | 'onReport'> {
  readonly layout: StoreLayout;
  /** Called with the uuid when all is made but nothing is visible; what it throws, the launch does. */
  readonly beforePublish?: ((uuid: string) => Promise<void>) | undefined;
  /** Variables that settings may come from. Default: this process's own. */
  readonly env?: Environment | undefined;
}
