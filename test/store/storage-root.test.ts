import { describe, expect, it } from 'vitest';
import { storageRoot, type HostEnvironment } from '../../src/store/storage-root.js';

type Case = [env: HostEnvironment['env'], platform: NodeJS.Platform, root: string];

const CASES: Record<string, Case> = {
  'what MULTIPASS_STORAGE says': [
    { MULTIPASS_STORAGE: '/mnt/vms', XDG_DATA_HOME: '/data' },
    'linux',
    '/mnt/vms',
  ],
  'a relative MULTIPASS_STORAGE, as it is': [{ MULTIPASS_STORAGE: 'vms' }, 'linux', 'vms'],
  'a folder in XDG_DATA_HOME': [{ XDG_DATA_HOME: '/data' }, 'linux', '/data/multipass-ts'],
  'XDG_DATA_HOME on a Mac too': [{ XDG_DATA_HOME: '/data' }, 'darwin', '/data/multipass-ts'],
  'the home folder without either': [{}, 'linux', '/home/me/.local/share/multipass-ts'],
  'the home folder when both are empty': [
    { MULTIPASS_STORAGE: '', XDG_DATA_HOME: '' },
    'linux',
    '/home/me/.local/share/multipass-ts',
  ],
  'the home folder when XDG_DATA_HOME is relative': [
    { XDG_DATA_HOME: 'data' },
    'linux',
    '/home/me/.local/share/multipass-ts',
  ],
  'Application Support on a Mac': [
    {},
    'darwin',
    '/home/me/Library/Application Support/multipass-ts',
  ],
};

describe('storageRoot', () => {
  it.for(Object.entries(CASES))('is %s', ([, [env, platform, root]]) => {
    expect(storageRoot({ env, platform, home: '/home/me' })).toBe(root);
  });
});
