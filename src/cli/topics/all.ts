import type { Command } from '../command.js';
import { formatTerms, wrap } from '../format/terms.js';
import { environment } from './environment.js';
import { exitCodes } from './exit-codes.js';
import { formats } from './formats.js';
import { settings } from './settings.js';
import type { Topic } from './topic.js';

/** Every topic, in the order of the help. */
export const TOPICS: readonly Topic[] = [formats, settings, environment, exitCodes];

/** What `help` prints of a topic. */
export function formatTopic({ title, parts }: Topic, commands: readonly Command[]): string {
  const texts = parts(commands).map(
    ({ text, terms }) => `${wrap(text, 0)}\n\n${formatTerms(terms)}`,
  );
  return `${title}\n\n${texts.join('\n')}`;
}
