import type { HandOverReport } from '../../index.js';
import { formatLosses, lossesJson } from './losses.js';

/** The output of `multipass to`. */
export function formatHandOver({
  name,
  snapshot,
  engine,
  folder,
  commands,
  losses,
}: HandOverReport): string {
  const what = snapshot === null ? name : `${name}.${snapshot}`;
  const next = commands.map((command) => `  ${command}\n`).join('');
  return `Wrote ${what} for ${engine} into ${folder}.\n${formatLosses(losses)}Next:\n${next}`;
}

/** The output of `multipass to --format json`. */
export function handOverJson(report: HandOverReport) {
  return {
    name: report.name,
    snapshot: report.snapshot,
    target: report.engine,
    folder: report.folder,
    artifacts: [...report.artifacts],
    commands: [...report.commands],
    ...lossesJson(report.losses),
  };
}
