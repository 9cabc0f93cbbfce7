import { describe, expect, it } from 'vitest';
import { formatAliases } from '../../../src/cli/format/aliases.js';
import type { AliasList, ListedAlias } from '../../../src/vm/aliases/list-aliases.js';
import { readYaml } from '../../support/read-yaml.js';

const LS: ListedAlias = { name: 'lsw', instance: 'web', command: 'ls', workingDirectory: 'map' };
const TOP: ListedAlias = {
  name: 'topdb',
  instance: 'db',
  command: 'top',
  workingDirectory: 'default',
};

const LIST: AliasList = {
  active: 'default',
  contexts: [
    { name: 'default', aliases: [LS, TOP] },
    { name: 'work', aliases: [LS] },
  ],
};

const NONE: AliasList = { active: 'default', contexts: [{ name: 'default', aliases: [] }] };

describe('formatAliases', () => {
  it('prints a table that marks the active context', () => {
    expect(formatAliases(LIST, 'table')).toBe(
      `Alias   Instance   Command   Context    Working directory
lsw     web        ls        default*   map
topdb   db         top       default*   default
lsw     web        ls        work       map
`,
    );
    expect(formatAliases(NONE, 'table')).toBe('No aliases defined.\n');
  });

  it('prints CSV', () => {
    expect(formatAliases(LIST, 'csv')).toBe(
      `Alias,Instance,Command,Working directory,Context
lsw,web,ls,map,default*
topdb,db,top,default,default*
lsw,web,ls,map,work
`,
    );
    expect(formatAliases(NONE, 'csv')).toBe('Alias,Instance,Command,Working directory,Context\n');
  });

  it('prints JSON in the shape of the file that Multipass keeps', () => {
    const lsw = { command: 'ls', instance: 'web', 'working-directory': 'map' };
    const topdb = { command: 'top', instance: 'db', 'working-directory': 'default' };
    expect(JSON.parse(formatAliases(LIST, 'json'))).toEqual({
      'active-context': 'default',
      contexts: { default: { lsw, topdb }, work: { lsw } },
    });
    expect(JSON.parse(formatAliases(NONE, 'json'))).toEqual({
      'active-context': 'default',
      contexts: { default: {} },
    });
  });

  it('prints YAML', () => {
    const text = formatAliases({ ...LIST, contexts: LIST.contexts.slice(1) }, 'yaml');
    expect(text).toBe(
      `active_context: default
aliases:
  work:
    - name: lsw
      command: ls
      instance: web
      working-directory: map
`,
    );
    expect(readYaml(formatAliases(NONE, 'yaml'))).toEqual({
      active_context: 'default',
      aliases: { default: [] },
    });
  });
});
