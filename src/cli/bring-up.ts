import { hasCode, loadReadInstance } from '../command-line.js';
import type { LaunchOptions, LaunchReport, Progress } from '../index.js';
import { mountedLine, type MountedFolder } from './format/launch.js';
import { guardByThisCommand } from './guard-program.js';
import { mountHome } from './mount.js';
import { withWork, type Title, type Working } from './work.js';

/*
 * Instances that are to run: launched, started, or found running.
 */

type LaunchChoices = Omit<LaunchOptions, 'work' | 'onReport'>;

const LAUNCHING: Title = { first: 'Launching', of: textOf };

/** Launches an instance. */
export async function launchInstance(
  working: Working,
  choices: LaunchChoices,
): Promise<LaunchReport> {
  const { store } = working.context;
  const reports: LaunchReport[] = [];
  const onReport = (report: LaunchReport): void => void reports.push(report);
  await withWork(working, LAUNCHING, (work) => store.launch({ ...choices, work, onReport }));
  const [report] = reports;
  if (report === undefined) throw new Error('a launch without a report');
  return report;
}

/**
 * Starts an instance; the primary one is launched when it does not exist, as in Multipass.
 * @returns what was mounted of itself
 */
export async function startOrLaunch(
  working: Working,
  name: string,
  timeoutMs?: number,
): Promise<MountedFolder[]> {
  const { layout, primary, store } = working.context;
  const { exists } = await loadReadInstance();
  if (name === primary && !exists(layout, name)) {
    await launchInstance(working, { name, timeoutMs }).catch((error: unknown) => {
      if (!hasCode(error, 'DOWNLOAD_FAILED')) throw error;
      const message = `"${name}" does not exist yet, and cannot be made: ${error.message}`;
      throw error.restated({ message });
    });
    return await mountHome(working, name);
  }
  await guardByThisCommand();
  const vm = await store.instance(name);
  await withWork(working, `Starting ${name}`, (work) => vm.start({ timeoutMs, work }));
  return [];
}

/** Sees to it that an instance runs; it is started, or launched, when it does not. */
export async function ensureRunning(
  working: Working,
  name: string,
  timeoutMs?: number,
): Promise<void> {
  const { layout } = working.context;
  const { exists, isRunning } = await loadReadInstance();
  if (exists(layout, name) && isRunning(layout.instance(name))) return;
  for (const home of await startOrLaunch(working, name, timeoutMs)) {
    working.context.stdout.write(mountedLine(home, name));
  }
}

/** Multipass's text for a phase of a launch. */
function textOf({ phase, instance }: Progress): string {
  const name = instance === null ? '' : ` ${instance}`;
  switch (phase) {
    case 'retrieving':
      return 'Retrieving image';
    case 'verifying':
      return 'Verifying image';
    case 'extracting':
      return 'Extracting image';
    case 'preparing':
      return instance === null ? 'Preparing image' : `Preparing image for ${instance}`;
    case 'creating':
      return `Creating${name}`;
    case 'starting':
      return `Starting${name}`;
    case 'initializing':
      return 'Waiting for initialization to complete';
    default:
      return `Launching${name}`;
  }
}
