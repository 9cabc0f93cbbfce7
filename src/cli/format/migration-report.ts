import type { MigratedInstance, MigrationReport } from '../../index.js';
import { formatTable, NO_VALUE, printable } from './table.js';

const COLUMNS = ['Name', 'Action', 'State', 'Method', 'Snapshots', 'Reason'].map((header) => ({
  header,
}));

/**
 * The output of `multipass migrate`. In the table, an instance's warnings follow its line, and the aliases all of
 * them; the errors of the report as a whole are in the JSON only, for the table's reader gets them on stderr.
 */
export function formatMigrationReport({ instances, aliases }: MigrationReport): string {
  if (instances.length === 0) return 'No instances found.\n';
  const [header, ...lines] = formatTable(COLUMNS, instances.map(toRow)).split('\n');
  const blocks = instances.map((instance, at) => [
    lines[at],
    ...instance.warnings.map((warning) => `    warning: ${printable(warning)}`),
  ]);
  const end = aliases.length === 0 ? [] : [`Aliases: ${aliases.map(printable).join(', ')}`];
  return `${[header, ...blocks.flat(), ...end].join('\n')}\n`;
}

/** The output of `multipass migrate --format json`. */
export function migrationJson({ errors, from, dryRun, instances, aliases }: MigrationReport) {
  return {
    errors,
    from,
    dry_run: dryRun,
    instances: instances.map((instance) => ({
      name: instance.name,
      action: instance.action,
      reason: instance.reason,
      state: instance.state,
      method: instance.method,
      bytes: instance.bytes,
      snapshots: instance.snapshots,
      warnings: instance.warnings,
    })),
    aliases,
  };
}

function toRow(instance: MigratedInstance): string[] {
  const { name, action, state, method, snapshots, reason } = instance;
  return [
    ...[name, action, state ?? NO_VALUE, method ?? NO_VALUE],
    ...[String(snapshots), reason ?? NO_VALUE],
  ];
}
