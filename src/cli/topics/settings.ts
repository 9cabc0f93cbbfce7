import { STORE_SETTINGS, type InstanceProperty, type StoreSettingKey } from '../../command-line.js';
import type { Described } from '../format/terms.js';
import type { Topic } from './topic.js';

const OF_STORE: Readonly<Record<StoreSettingKey, string>> = {
  'client.primary-name': 'The instance that commands without a name are about; empty for none.',
  'local.driver': 'As in Multipass.',
  'local.passphrase': 'Kept as in Multipass, and used for nothing.',
  'local.bridged-network': 'What --bridged and local.<instance>.bridged mean.',
  'local.privileged-mounts': 'Whether directories of this host may be mounted.',
  'local.image.mirror': 'Where images come from, in place of their own servers: a URL by https.',
  'local.registry': 'The registry of references that name none: <host>[:<port>].',
  'local.registry.insecure':
    'Registries that are spoken to by plain http, with commas between them; this host itself always is.',
  'local.network':
    "What instances are on: a network that they share (auto takes it where it works), QEMU's own " +
    'for each, or, as root, a bridge of this host.',
  'local.host-loopback':
    'Whether instances reach what listens on the loopback of this host; auto: only where they ' +
    'cannot be kept from it.',
  'local.accelerator': 'What runs the instances: auto takes KVM where it works.',
  'local.default.cpus': 'How many CPUs launch gives.',
  'local.default.memory': 'How much memory launch gives.',
  'local.default.disk': 'How much disk space launch gives.',
  'local.default.image': 'What launch takes when no image is named.',
  'local.default.cloud-init': 'The path or URL of the user-data that launch gives.',
};

const OF_INSTANCE: Readonly<Record<InstanceProperty, string>> = {
  autostart: 'Whether `autostart` starts it with the host; it may be set while it runs.',
  bridged: 'Whether it has an interface on local.bridged-network; it can be set to true only.',
  cpus: 'How many CPUs it has.',
  disk: 'Its disk space, which can only grow.',
  memory: 'Its memory, 128M at least.',
};

function ofStore([key, text]: readonly [StoreSettingKey, string]): Described {
  const { fallback, values } = STORE_SETTINGS[key] as {
    readonly fallback: string;
    readonly values?: readonly string[];
  };
  const choices = values === undefined ? '' : ` One of ${values.join(', ')}.`;
  return [key, `${text}${choices}${fallback === '' ? '' : ` By default ${fallback}.`}`];
}

export const settings: Topic = {
  name: 'settings',
  title: 'What set and get know',
  parts: () => [
    {
      text: 'Of everything:',
      terms: (Object.entries(OF_STORE) as [StoreSettingKey, string][]).map(ofStore),
    },
    {
      text: 'Of an instance, which must be stopped to be changed:',
      terms: Object.entries(OF_INSTANCE).map(([key, text]) => [`local.<instance>.${key}`, text]),
    },
    {
      text: 'Of a snapshot:',
      terms: [
        ['local.<instance>.<snapshot>.name', 'What it is called.'],
        ['local.<instance>.<snapshot>.comment', 'What was noted about it.'],
      ],
    },
  ],
};
