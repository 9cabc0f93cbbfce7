import { launchInstance } from '../vm/launch/launch-instance.js';
import type { LaunchRequest } from '../vm/launch/launch-request.js';
import type { Progress } from '../work.js';
import type { CliContext } from './context.js';
import { tellWarning } from './problems.js';
import { Spinner } from './spinner.js';
import { tellWhoHolds } from './waiting.js';

/** Launches an instance, and says on the spinner's line what is going on, in Multipass's words. @returns its name */
export async function launchWithProgress(
  context: CliContext,
  request: Omit<LaunchRequest, 'work'>,
): Promise<string> {
  const spinner = await Spinner.start(context.stderr, 'Launching');
  let phase: Progress['phase'] | undefined;
  try {
    return await launchInstance({
      ...request,
      work: {
        signal: context.signal,
        onWait: tellWhoHolds(context, spinner),
        onWarning: (warning) => {
          spinner.clear();
          tellWarning(context, warning);
        },
        onProgress: (progress) => {
          if (progress.phase !== phase) spinner.say(textOf(progress));
          phase = progress.phase;
          spinner.progress(progress.fraction ?? undefined);
        },
      },
    });
  } finally {
    spinner.stop();
  }
}

function textOf({ phase, instance: name }: Progress): string {
  const whom = name === null ? '' : ` ${name}`;
  switch (phase) {
    case 'retrieving':
      return 'Retrieving image';
    case 'verifying':
      return 'Verifying image';
    case 'extracting':
      return 'Extracting image';
    case 'preparing':
      return name === null ? 'Preparing image' : `Preparing image for ${name}`;
    case 'creating':
      return `Creating${whom}`;
    case 'starting':
      return `Starting${whom}`;
    case 'initializing':
      return 'Waiting for initialization to complete';
    default:
      return 'Launching';
  }
}
