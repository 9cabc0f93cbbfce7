import { describe, expect, it } from 'vitest';
import { storageRoot, type HostEnvironment } from '../../src/store/storage-root.js';

type Case = [env: HostEnvironment['env'], root: string];

const CASES: Record<string, Case> = {
  'what MULTIPASS_STORAGE says': [
    { MULTIPASS_STORAGE: '/mnt/vms', XDG_DATA_HOME: '/data' },
    '/mnt/vms',
  ],
  'a relative MULTIPASS_STORAGE, as it is': [{ MULTIPASS_STORAGE: 'vms' }, 'vms'],
  'a folder in XDG_DATA_HOME': [{ XDG_DATA_HOME: '/data' }, '/data/multipass-ts'],
  'the home folder without either': [{}, '/home/me/.local/share/multipass-ts'],
  'the home folder when both are empty': [
    { MULTIPASS_STORAGE: '', XDG_DATA_HOME: '' },
    '/home/me/.local/share/multipass-ts',
  ],
  'the home folder when XDG_DATA_HOME is relative': [
    { XDG_DATA_HOME: 'data' },
    '/home/me/.local/share/multipass-ts',
  ],
};

describe('storageRoot', () => {
  it.for(Object.entries(CASES))('is %s', ([, [env, root]]) => {
    expect(storageRoot({ env, home: '/home/me' })).toBe(root);
  });
});
