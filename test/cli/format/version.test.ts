import { expect, it } from 'vitest';
import { formatVersion } from '../../../src/cli/format/version.js';

it('prints the version, and nothing of a daemon, in every format', () => {
  expect(formatVersion('0.1.0', 'table')).toBe('multipass   0.1.0\n');
  expect(formatVersion('0.1.0', 'json')).toBe('{\n    "multipass": "0.1.0"\n}\n');
  expect(formatVersion('0.1.0', 'yaml')).toBe('multipass: 0.1.0\n');
  expect(formatVersion('0.1.0', 'csv')).toBe(
    'Multipass,Multipassd,Title,Description,URL\n0.1.0,,,,\n',
  );
});
