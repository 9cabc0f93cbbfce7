import type { Topic } from './topic.js';

export const environment: Topic = {
  name: 'environment',
  title: 'Variables that commands look at',
  parts: () => [
    {
      text: 'None needs to be set.',
      terms: [
        ['MULTIPASS_STORAGE', 'The folder that everything is in.'],
        [
          'XDG_DATA_HOME',
          'Without that, it is the folder multipass-ts in here, or in ~/.local/share.',
        ],
        ['XDG_CONFIG_HOME', 'In here, or in ~/.config, is the unit of `autostart install`.'],
        ['MULTIPASS_IMAGE_MIRROR', 'Counts more than the setting local.image.mirror.'],
        ['MULTIPASS_ACCELERATOR', 'Counts more than the setting local.accelerator.'],
        ['REGISTRY_AUTH_FILE', 'The file with the logins for registries.'],
        [
          'SSL_CERT_FILE',
          'Authorities, in PEM, by whose certificates registries are believed, besides the usual ones and `certs.d`.',
        ],
        ['NODE_EXTRA_CA_CERTS', 'The same, for all servers.'],
        ['DOCKER_CONFIG', 'Without that, they are in config.json in here, or in ~/.docker, or'],
        ['XDG_RUNTIME_DIR', 'in containers/auth.json in here, or in ~/.config.'],
        [
          'MULTIPASS_TS_CODE_CACHE',
          'Where what is compiled of the command is kept, so that it starts sooner; empty: nowhere.',
        ],
        ['XDG_CACHE_HOME', 'Without that, it is kept in multipass-ts in here, or in ~/.cache.'],
        ['PATH', 'Where QEMU, ssh and other programs are looked for.'],
        [
          'https_proxy, http_proxy, no_proxy',
          'What downloads go through, also in capitals, and which hosts they reach without.',
        ],
      ],
    },
  ],
};
