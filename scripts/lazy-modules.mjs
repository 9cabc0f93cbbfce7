// Makes a bundle load Node's own modules, and the CommonJS packages in it, when they are first used: child_process
// alone costs 4 ms, yaml 3.

/** As esbuild writes an import into a CommonJS bundle: `import_node_fs = require("node:fs");`. */
const IMPORT = /^[ \t]*(?:var )?(import_\w+) = (.*\brequire(?:_\w+\(|\(").*);$/gm;
const DECLARATIONS = /^([ \t]*)var (\w+(?:, \w+)*);$/gm;
const BUILT_IN = /\brequire\("(?:node:)?([\w/]+)"\)/;

/**
 * @param text a bundle of esbuild's, not minified
 * @returns the same, where each use of an imported module asks a function for it
 * @throws Error when the text is not as it is known
 */
export function withLazyModules(text) {
  /** By the variable of the import. */
  const getters = new Map();
  /** By the name of the function. */
  const sources = new Map();
  const without = text.replace(IMPORT, (_, variable, source) => {
    const [, name] = BUILT_IN.exec(source) ?? [];
    const getter = name === undefined ? `lazy_${variable}` : `builtin_${name.replace(/\W/g, '_')}`;
    getters.set(variable, getter);
    sources.set(getter, name === undefined ? source : `require("node:${name}")`);
    return '';
  });
  const body = without
    .replace(DECLARATIONS, (_, indent, list) => {
      const left = list.split(', ').filter((variable) => !getters.has(variable));
      return left.length === 0 ? '' : `${indent}var ${left.join(', ')};`;
    })
    .replace(/\b(import_\w+)(\.default\b)?/g, (found, variable, part = '') => {
      const getter = getters.get(variable);
      if (getter === undefined) return found;
      // The default export of a built-in is the module. In brackets, for what comes after `new`.
      return `(${getter}())${getter.startsWith('builtin_') ? '' : part}`;
    });
  const [eager] = /^(?:var|let|const) .*\brequire\(.*$/m.exec(body) ?? [];
  if (eager !== undefined) throw new Error(`a module is loaded at the start: ${eager}`);
  const functions = [...sources].map(([getter, source]) => {
    return `var ${getter}_; function ${getter}() { return ${getter}_ ??= ${source}; }`;
  });
  const [strict, ...rest] = body.split('\n');
  if (strict !== '"use strict";') throw new Error(`the bundle begins with ${strict}`);
  return [strict, ...functions, ...rest].join('\n');
}
