import { hasCode, MultipassError } from '../../errors.js';
import { readLegacyAliases, type LegacyAlias } from '../../store/legacy/aliases.js';
import type { StoreLayout } from '../../store/layout.js';
import type { HostEnvironment } from '../../store/storage-root.js';
import type { Work } from '../../work.js';
import { changeAliases, readAliases } from '../aliases/alias-file.js';
import { isAliasName } from '../aliases/alias-name.js';
import { withContext, type AliasRecord } from '../aliases/alias-record.js';
import { readInstance } from '../read-instance.js';

/** Whose aliases are brought over. */
export interface BringAliasesRequest {
  readonly layout: StoreLayout;
  readonly host: HostEnvironment;
  /** The instances that came over, now or before; or would, in a dry run. */
  readonly instances: ReadonlySet<string>;
  readonly dryRun: boolean;
  readonly work: Work;
}

/** The aliases that came over, as `<context>.<name>`, and what went wrong. */
export interface BroughtAliases {
  readonly aliases: readonly string[];
  readonly problems: readonly string[];
  /** False when those that should have come could not be read or written; the problems say why. */
  readonly complete: boolean;
}

/**
 * Brings the aliases of the legacy client over, those of the instances that came over, in one change. What there is
 * already under such a name stays. The legacy file is only read. A failure is told with the others: what came over
 * before stays.
 * @throws MultipassError ABORTED
 */
export async function bringAliases(request: BringAliasesRequest): Promise<BroughtAliases> {
  try {
    return { ...(await bring(request)), complete: true };
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    const problem = `the aliases did not come over: ${error.message}`;
    return { aliases: [], problems: [problem], complete: false };
  }
}

async function bring(request: BringAliasesRequest): Promise<Omit<BroughtAliases, 'complete'>> {
  const { layout, host, instances, dryRun, work } = request;
  const { aliases, problems } = readLegacyAliases(host);
  const meant = aliases.filter(({ instance }) => instances.has(instance));
  const odd = meant.filter(({ context, name }) => !isAliasName(context) || !isAliasName(name));
  const refused = odd.map(
    ({ context, name }) =>
      `the alias ${JSON.stringify(`${context}.${name}`)} has an impossible name`,
  );
  const wanted = meant.filter((alias) => !odd.includes(alias));
  const brought: string[] = [];
  const add = (record: AliasRecord): AliasRecord =>
    wanted.reduce((changed, alias) => {
      const after = withAlias(layout, changed, alias, dryRun);
      if (after !== changed) brought.push(`${alias.context}.${alias.name}`);
      return after;
    }, record);
  if (dryRun) add(readAliases(layout));
  else if (wanted.length > 0) await changeAliases(layout, work.signal, add);
  return { aliases: brought, problems: [...problems, ...refused] };
}

function withAlias(
  layout: StoreLayout,
  record: AliasRecord,
  { context, name, instance, command, workingDirectory }: LegacyAlias,
  dryRun: boolean,
): AliasRecord {
  const there = record.contexts[context] ?? {};
  if (Object.hasOwn(there, name)) return record;
  const uuid = dryRun ? '' : uuidOf(layout, instance);
  if (uuid === undefined) return record;
  return withContext(record, context, {
    ...there,
    [name]: { instance, uuid, command, workingDirectory },
  });
}

/** It may have been purged since. */
function uuidOf(layout: StoreLayout, name: string): string | undefined {
  try {
    return readInstance(layout, name).spec.uuid;
  } catch (error) {
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return undefined;
    throw error;
  }
}
