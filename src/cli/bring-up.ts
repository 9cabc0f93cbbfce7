import { hasCode } from '../errors.js';
import type { LaunchReport } from '../vm/launch/launch-request.js';
import type { LaunchRequest } from '../vm/launch/launch-request.js';
import type { Progress } from '../work.js';
import { mountedLine, type MountedFolder } from './format/launch.js';
import { mountHome } from './mount.js';
import { withWork, type Title, type Working } from './work.js';

/*
 * Instances that are to run: launched, started, or found running.
 */

type LaunchChoices = Omit<LaunchRequest, 'layout' | 'env' | 'work'>;

const LAUNCHING: Title = { first: 'Launching', of: textOf };

/** Launches an instance. */
export async function launchInstance(
  working: Working,
  choices: LaunchChoices,
): Promise<LaunchReport> {
  const { layout, env } = working.context;
  const { launchInstance: launch } = await import('../vm/launch/launch-instance.js');
  return await withWork(working, LAUNCHING, (work) => launch({ ...choices, layout, env, work }));
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
  const { layout, env, primary } = working.context;
  const { exists } = await import('../vm/read-instance.js');
  if (name === primary && !exists(layout, name)) {
    await launchInstance(working, { name, timeoutMs }).catch((error: unknown) => {
      if (!hasCode(error, 'DOWNLOAD_FAILED')) throw error;
      const message = `"${name}" does not exist yet, and cannot be made: ${error.message}`;
      throw error.restated({ message });
    });
    return await mountHome(working, name);
  }
  const { startInstance } = await import('../vm/run/start-instance.js');
  await withWork(working, `Starting ${name}`, (work) =>
    startInstance({ layout, name, env, timeoutMs, work }),
  );
  return [];
}

/** Sees to it that an instance runs; it is started, or launched, when it does not. */
export async function ensureRunning(
  working: Working,
  name: string,
  timeoutMs?: number,
): Promise<void> {
  const { layout } = working.context;
  const { exists, isRunning } = await import('../vm/read-instance.js');
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
