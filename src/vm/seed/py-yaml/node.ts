import type { Mark } from './cursor.js';

/** What PyYAML makes of a piece of a text; an alias is the very node that it names. */
export type PyNode = PyScalar | PyList | PyMapping;

interface Common {
  /** Given, or told from the text. Changed by what PyYAML does with a `=` that is a key. */
  tag: string;
  readonly mark: Mark;
}

export interface PyScalar extends Common {
  readonly kind: 'scalar';
  readonly text: string;
}

export interface PyList extends Common {
  readonly kind: 'list';
  readonly items: PyNode[];
}

export interface PyMapping extends Common {
  readonly kind: 'mapping';
  /** Changed by merging. */
  pairs: (readonly [key: PyNode, value: PyNode])[];
}

/** Before the names of the tags that YAML itself has. */
export const YAML_TAG = 'tag:yaml.org,2002:';
