import type { AliasList, ListedAlias } from '../../index.js';
import { formatCsv } from './csv.js';
import { formatSortedJson } from './json.js';
import type { OutputFormat } from './output-format.js';
import { formatTable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = ['Alias', 'Instance', 'Command', 'Context', 'Working directory'].map((header) => ({
  header,
}));

/** The output of `multipass aliases`: by context, then by name; the active context has an asterisk. */
export function formatAliases(list: AliasList, format: OutputFormat): string {
  switch (format) {
    case 'table':
      return formatAliasTable(list);
    case 'csv':
      return formatCsv(
        ['Alias', 'Instance', 'Command', 'Working directory', 'Context'],
        rowsOf(list).map(({ alias, context }) => [
          ...[alias.name, alias.instance, alias.command, alias.workingDirectory],
          context,
        ]),
      );
    case 'json':
      return formatSortedJson({ 'active-context': list.active, contexts: byContext(list, byName) });
    case 'yaml':
      return formatYaml({ active_context: list.active, aliases: byContext(list, inOrder) });
  }
}

function formatAliasTable(list: AliasList): string {
  const rows = rowsOf(list).map(({ alias, context }) => [
    ...[alias.name, alias.instance, alias.command, context, alias.workingDirectory],
  ]);
  return rows.length === 0 ? 'No aliases defined.\n' : formatTable(COLUMNS, rows);
}

function rowsOf({ active, contexts }: AliasList): { alias: ListedAlias; context: string }[] {
  return contexts.flatMap(({ name, aliases }) =>
    aliases.map((alias) => ({ alias, context: name === active ? `${name}*` : name })),
  );
}

function byContext<Shown>(
  { contexts }: AliasList,
  show: (aliases: readonly ListedAlias[]) => Shown,
): Record<string, Shown> {
  return Object.fromEntries(contexts.map(({ name, aliases }) => [name, show(aliases)]));
}

function byName(aliases: readonly ListedAlias[]) {
  return Object.fromEntries(
    aliases.map(({ name, command, instance, workingDirectory }) => [
      name,
      { command, instance, 'working-directory': workingDirectory },
    ]),
  );
}

function inOrder(aliases: readonly ListedAlias[]) {
  return aliases.map(({ name, command, instance, workingDirectory }) => ({
    name,
    command,
    instance,
    'working-directory': workingDirectory,
  }));
}
