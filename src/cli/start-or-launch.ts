import type { CliContext } from './context.js';
import { mountHome } from './mount-home.js';
import { tellWarning } from './problems.js';
import { Spinner } from './spinner.js';
import { tellWhoHolds } from './waiting.js';

/** Which instance is to run. */
export interface StartRequest {
  readonly context: CliContext;
  readonly name: string;
  readonly timeoutMs: number | undefined;
}

/** Starts an instance; the primary one is launched when it does not exist, as in Multipass. */
export async function startOrLaunch({ context, name, timeoutMs }: StartRequest): Promise<void> {
  const { layout, env, signal } = context;
  const { exists } = await import('../vm/read-instance.js');
  if (name === context.primary && !exists(layout, name)) {
    const { launchWithProgress } = await import('./launch-with-progress.js');
    await launchWithProgress(context, { layout, env, name, timeoutMs });
    await mountHome(context, name);
    return;
  }
  const { startInstance } = await import('../vm/run/start-instance.js');
  const spinner = await Spinner.start(context.stderr, `Starting ${name}`);
  try {
    await startInstance({
      layout,
      name,
      env,
      timeoutMs,
      work: {
        signal,
        onWait: tellWhoHolds(context, spinner),
        onWarning: (warning) => {
          spinner.clear();
          tellWarning(context, warning);
        },
      },
    });
  } finally {
    spinner.stop();
  }
}
