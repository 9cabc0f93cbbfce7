import { existsSync } from 'node:fs';
import {
  checkStoreFormat,
  instanceNotFound,
  isPlainName,
  isValidName,
  loadListInstances,
  type InstanceReading,
  type StoreLayout,
} from '../command-line.js';
import type { InstanceView } from '../index.js';
import type { Invocation } from './command.js';
import { usageError } from './failures.js';
import { flag } from './options.js';

/*
 * Which instances and snapshots a command line is about.
 */

/** The option `--all`, of the commands that are about instances. */
export function allOption(description: string): { all: ReturnType<typeof flag> } {
  return { all: flag({ flags: ['--all'], description }) };
}

type Selection = Invocation<ReturnType<typeof allOption>>;

/** An instance a command is about, and what was seen of it when it was looked for. */
export interface SelectedInstance {
  readonly name: string;
  readonly seen?: InstanceReading | undefined;
}

/**
 * The instances a command is about: those named, each once, or with `--all` those that `isMeant`.
 * @throws MultipassError USAGE with Multipass's texts when neither or both were given
 */
export async function selectInstances(
  { context: { layout }, args, options: { all } }: Selection,
  isMeant: (view: InstanceView) => boolean,
): Promise<SelectedInstance[]> {
  if (all && args.length > 0) {
    const names = args.length === 1 ? 'name' : 'names';
    throw usageError(`Cannot specify ${names} when --all option set`);
  }
  if (!all && args.length === 0) throw usageError('Name argument or --all is required');
  if (!all) return [...new Set(args)].map((name) => ({ name }));
  if (!checkStoreFormat(layout)) return [];
  const { readInstances } = await loadListInstances();
  const meant = (await readInstances(layout)).filter(({ view }) => isMeant(view));
  return meant.map(({ view: { name }, reading: seen }) => ({ name, seen }));
}

/** The names of {@link selectInstances}, for work that takes long and so looks for itself when its turn comes. */
async function selectNames(
  invocation: Selection,
  isMeant: (view: InstanceView) => boolean,
): Promise<string[]> {
  return (await selectInstances(invocation, isMeant)).map(({ name }) => name);
}

/**
 * The instances that a command is about, where without a name the primary one is meant.
 * @throws MultipassError USAGE with Multipass's texts
 */
export async function selectNamesOrPrimary(
  invocation: Selection,
  isMeant: (view: InstanceView) => boolean,
): Promise<string[]> {
  const { args, options, context } = invocation;
  if (args.length > 0 || options.all) return await selectNames(invocation, isMeant);
  if (context.primary === '') throw usageError('Name argument or --all is required');
  return [context.primary];
}

/** What an argument names: an instance, or one of its snapshots. */
export interface NamedSnapshot {
  readonly instance: string;
  /** Undefined when the instance itself is meant. */
  readonly snapshot: string | undefined;
}

/**
 * Whether an argument names a snapshot, which need not be there: `<instance>.<anything>`. A folder of that very name,
 * which no instance can have, is meant itself: it is there to be purged.
 */
export function isNamedSnapshot(argument: string, layout: StoreLayout): boolean {
  const [instance = '', ...rest] = argument.split('.');
  if (!isValidName(instance) || rest.length === 0) return false;
  return !isPlainName(argument) || !existsSync(layout.instance(argument).path);
}

/**
 * Reads `<instance>` or `<instance>.<snapshot>`; whether there is such a snapshot is another matter.
 * @throws MultipassError INSTANCE_NOT_FOUND for what no instance can be called
 */
export function parseNamedSnapshot(argument: string): NamedSnapshot {
  const [instance = '', ...rest] = argument.split('.');
  if (!isValidName(instance)) throw instanceNotFound(argument);
  return { instance, snapshot: rest.length === 0 ? undefined : rest.join('.') };
}
