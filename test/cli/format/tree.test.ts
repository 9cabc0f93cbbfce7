import { describe, expect, it } from 'vitest';
import { formatTree } from '../../../src/cli/format/tree.js';
import type { TreeNode } from '../../../src/vm/lineage/tree.js';

const MIB = 1024 ** 2;

function node(kind: TreeNode['kind'], name: string, ...children: TreeNode[]): TreeNode {
  return {
    kind,
    name,
    id: `id-of-${name}`,
    exclusiveBytes: MIB,
    sharedBytes: 512,
    layers: 0,
    children,
  };
}

const ROOTS: TreeNode[] = [
  {
    ...node(
      'image',
      'Ubuntu 24.04 LTS',
      node(
        'instance',
        'web',
        node('snapshot', 'before-upgrade', node('instance', 'web-old')),
        node('snapshot', 'empty'),
        node('instance', 'web-clone1', node('instance', 'web-clone1-clone1')),
        node('instance', 'web-clone2'),
      ),
    ),
    id: '0123456789abcdef0123456789abcdef',
  },
  node('instance', 'alone'),
];

describe('the table of a tree', () => {
  it('draws what came from what, and what each holds', () => {
    expect(formatTree(ROOTS, 'table')).toMatchInlineSnapshot(`
      "image 0123456789ab (Ubuntu 24.04 LTS)  1.0MiB of its own, 512B shared
      └─ web  1.0MiB of its own, 512B shared
         ├─ snapshot before-upgrade
         │  └─ web-old  1.0MiB of its own, 512B shared
         ├─ snapshot empty
         ├─ web-clone1  1.0MiB of its own, 512B shared
         │  └─ web-clone1-clone1  1.0MiB of its own, 512B shared
         └─ web-clone2  1.0MiB of its own, 512B shared
      alone  1.0MiB of its own, 512B shared
      "
    `);
  });

  it('tells how many layers a disk stands on when they are many', () => {
    const [few, many] = [8, 9].map((layers) => ({ ...node('instance', 'web'), layers }));
    expect(formatTree([few!, many!], 'table')).toBe(
      'web  1.0MiB of its own, 512B shared\nweb  1.0MiB of its own, 512B shared, on 9 layers\n',
    );
  });

  it('says that there is nothing, where there is nothing', () => {
    expect(formatTree([], 'table')).toBe('No images and no instances found.\n');
  });

  it('prints no control characters of a record', () => {
    const text = formatTree([node('instance', 'a\u001b[31m\nb')], 'table');
    // eslint-disable-next-line no-control-regex -- that is what it is about
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
    expect(text.split('\n')).toHaveLength(2);
  });
});

describe('the JSON of a tree', () => {
  it('has the keys of the design, and children within children', () => {
    const [, alone] = ROOTS;
    expect(formatTree([alone!], 'json')).toMatchInlineSnapshot(`
      "{
          "roots": [
              {
                  "kind": "instance",
                  "id": "id-of-alone",
                  "name": "alone",
                  "exclusive_bytes": 1048576,
                  "shared_bytes": 512,
                  "layers": 0,
                  "children": [
                  ]
              }
          ]
      }
      "
    `);
    const { roots } = JSON.parse(formatTree(ROOTS, 'json')) as {
      roots: { kind: string; children: { children: { kind: string; name: string }[] }[] }[];
    };
    expect(roots.map(({ kind }) => kind)).toEqual(['image', 'instance']);
    const names = roots[0]?.children[0]?.children.map(({ kind, name }) => `${kind} ${name}`);
    expect(names).toEqual([
      ...['snapshot before-upgrade', 'snapshot empty'],
      ...['instance web-clone1', 'instance web-clone2'],
    ]);
  });

  it('is an empty list, where there is nothing', () => {
    expect(JSON.parse(formatTree([], 'json'))).toEqual({ roots: [] });
  });
});
