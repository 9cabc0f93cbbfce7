import { formatMemorySize, isLongChain } from '../../command-line.js';
import type { TreeNode } from '../../index.js';
import { formatJson } from './json.js';
import { printable } from './table.js';
import type { PlainData } from './plain-data.js';

/** The output of `multipass tree`. */
export function formatTree(roots: readonly TreeNode[], format: 'table' | 'json'): string {
  if (format === 'json') return formatJson({ roots: roots.map(nodeJson) });
  if (roots.length === 0) return 'No images and no instances found.\n';
  return roots.flatMap((root) => linesOf(root, '', '')).join('');
}

function nodeJson(node: TreeNode): PlainData {
  return {
    kind: node.kind,
    id: node.id,
    name: node.name,
    exclusive_bytes: node.exclusiveBytes,
    shared_bytes: node.sharedBytes,
    layers: node.layers,
    children: node.children.map(nodeJson),
  };
}

/** @param first what stands before the node itself, and `rest` before what is below it */
function linesOf(node: TreeNode, first: string, rest: string): string[] {
  const below = node.children.flatMap((child, at) => {
    const isLast = at === node.children.length - 1;
    return linesOf(child, `${rest}${isLast ? '└─ ' : '├─ '}`, `${rest}${isLast ? '   ' : '│  '}`);
  });
  return [`${first}${describe(node)}\n`, ...below];
}

function describe({ kind, id, name, exclusiveBytes, sharedBytes, layers }: TreeNode): string {
  const title = printable(name);
  switch (kind) {
    case 'image':
      return `image ${id.slice(0, 12)} (${title})  ${sizes(exclusiveBytes, sharedBytes)}`;
    case 'snapshot':
      return `snapshot ${title}`;
    case 'instance':
      return `${title}  ${sizes(exclusiveBytes, sharedBytes)}${isLongChain(layers) ? `, on ${layers} layers` : ''}`;
  }
}

function sizes(exclusive: number, shared: number): string {
  return `${formatMemorySize(exclusive)} of its own, ${formatMemorySize(shared)} shared`;
}
