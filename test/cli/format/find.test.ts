import { describe, expect, it } from 'vitest';
import { formatFind } from '../../../src/cli/format/find.js';
import type { FoundImage } from '../../../src/vm/images/find-images.js';
import { readYaml } from '../../support/read-yaml.js';

function image(changes: Partial<FoundImage>): FoundImage {
  return {
    id: 'f00d'.repeat(16),
    path: 'disks/1.img',
    size: 1,
    aliases: ['24.04', 'n', 'noble', 'lts', 'default'],
    os: 'Ubuntu',
    title: '24.04 LTS',
    version: '20260518',
    supported: true,
    remote: 'release',
    ...changes,
  };
}

const BLUEPRINTS = 'blueprints (deprecated)';

const IMAGES = [
  image({ remote: 'core', aliases: ['core24'], title: 'Core 24', version: '20260301' }),
  image({}),
  image({ remote: 'daily', aliases: ['26.10', 'devel'], title: '26.10', version: '20260601' }),
  image({ aliases: ['22.04', 'jammy'], title: '22.04 LTS', version: '20260407' }),
  image({ aliases: [], os: 'Debian', title: '13', version: '20250101' }),
];

describe('formatFind', () => {
  it('prints a table: the remote that need not be named first, short names left out', () => {
    expect(formatFind(IMAGES, 'table')).toBe(
      `Image                       Aliases           Version          Description
22.04                       jammy             20260407         Ubuntu 22.04 LTS
24.04                       noble,lts         20260518         Ubuntu 24.04 LTS
f00df00df00d                                  20250101         Debian 13
daily:26.10                 devel             20260601         Ubuntu 26.10
core:core24                                   20260301         Ubuntu Core 24

`,
    );
  });

  it('prints CSV with the remote in a column of its own', () => {
    expect(formatFind(IMAGES.slice(0, 3), 'csv')).toBe(
      `Image,Remote,Aliases,OS,Release,Version,Type
24.04,,noble;lts,Ubuntu,24.04 LTS,20260518,Cloud Image
26.10,daily,devel,Ubuntu,26.10,20260601,Cloud Image
core24,core,,Ubuntu,Core 24,20260301,Cloud Image
`,
    );
  });

  it('prints JSON by the names they are launched by', () => {
    expect(formatFind(IMAGES.slice(1, 3), 'json')).toBe(
      `{
    "blueprints (deprecated)": {
    },
    "errors": [
    ],
    "images": {
        "24.04": {
            "aliases": [
                "noble",
                "lts"
            ],
            "os": "Ubuntu",
            "release": "24.04 LTS",
            "remote": "",
            "version": "20260518"
        },
        "daily:26.10": {
            "aliases": [
                "devel"
            ],
            "os": "Ubuntu",
            "release": "26.10",
            "remote": "daily",
            "version": "20260601"
        }
    }
}
`,
    );
  });

  it('prints YAML that says the same as the JSON', () => {
    const yaml = formatFind(IMAGES, 'yaml');
    expect(yaml.startsWith(`errors:\n  []\n"${BLUEPRINTS}":\n  {}\nimages:\n`)).toBe(true);
    expect(readYaml(yaml)).toEqual(JSON.parse(formatFind(IMAGES, 'json')));
  });

  it('says that there is nothing', () => {
    expect(formatFind([], 'table')).toBe('No images found.\n');
    expect(formatFind([], 'csv')).toBe('Image,Remote,Aliases,OS,Release,Version,Type\n');
    expect(JSON.parse(formatFind([], 'json'))).toEqual({
      errors: [],
      images: {},
      [BLUEPRINTS]: {},
    });
    expect(formatFind([], 'yaml')).toBe(`errors:\n  []\n"${BLUEPRINTS}":\n  {}\nimages:\n  {}\n`);
  });

  it('shows images alone, or blueprints, of which there are none', () => {
    const [images, blueprints] = (['images', 'blueprints'] as const).map(
      (kind) => JSON.parse(formatFind(IMAGES.slice(1, 2), 'json', { kind })) as object,
    );
    expect(Object.keys(images ?? {})).toEqual(['errors', 'images']);
    expect(blueprints).toEqual({ errors: [], [BLUEPRINTS]: {} });
    expect(formatFind([], 'table', { kind: 'blueprints' })).toBe('No blueprints found.\n');
  });

  it('calls what was searched for as it was asked for, and nothing runs into the next column', () => {
    const daily = image({ remote: 'daily', aliases: ['noble', '24.04'] });
    const search = 'a-name-that-is-longer-than-its-column';
    expect(formatFind([image({}), daily], 'table', { search })).toBe(
      `Image                                         Aliases           Version          Description
a-name-that-is-longer-than-its-column                           20260518         Ubuntu 24.04 LTS
daily:a-name-that-is-longer-than-its-column                     20260518         Ubuntu 24.04 LTS

`,
    );
    expect(formatFind([image({})], 'csv', { search: 'lts' })).toContain('\nlts,,,Ubuntu,');
    expect(formatFind([image({}), image({ aliases: ['x1'] })], 'csv', { search: 'f00' })).toMatch(
      /\n24\.04,.*\nx1,/,
    );
  });
});
