import { formatMemorySize } from '../../memory-size.js';
import type { InstanceSpec } from '../records/spec.js';
import type { Settings } from './settings.js';

/** What can be asked of an instance, as people read it. */
export const INSTANCE_PROPERTIES = {
  autostart: ({ autostart }: InstanceSpec) => String(autostart),
  bridged: (spec: InstanceSpec, settings: () => Settings) =>
    String(isBridged(spec, settings().bridgedNetwork)),
  cpus: ({ cpus }: InstanceSpec) => String(cpus),
  disk: ({ disk }: InstanceSpec) => formatMemorySize(disk),
  memory: ({ memory }: InstanceSpec) => formatMemorySize(memory),
} as const;

export type InstanceProperty = keyof typeof INSTANCE_PROPERTIES;

export function isInstanceProperty(name: string): name is InstanceProperty {
  return Object.hasOwn(INSTANCE_PROPERTIES, name);
}

/** Whether an instance has an interface on the network that `bridged` stands for; null is none. */
export function isBridged({ interfaces }: InstanceSpec, network: string | null): boolean {
  return network !== null && interfaces.some((card) => card.network === network);
}
