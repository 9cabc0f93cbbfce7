import { EXIT } from '../exit-codes.js';
import type { Topic } from './topic.js';

const MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'It has worked, or help was asked for.',
  usage: 'The command line is wrong.',
  failed:
    'Something failed; what did is on stderr. Also a call without any command, and what doctor has found.',
  timedOut: 'What --timeout allows had passed.',
};

export const exitCodes: Topic = {
  name: 'exit-codes',
  title: 'What commands exit with',
  parts: () => [
    {
      text:
        'Every command exits with one of these; exec and shell otherwise with what their command in ' +
        'the instance exits with.',
      terms: [
        ...Object.entries(EXIT).map(
          ([name, code]) => [String(code), MEANING[name as keyof typeof EXIT]] as const,
        ),
        ['128 + n', 'The signal n ended it: 130 after Ctrl-C. What was half done is undone.'],
        ['255', 'exec and shell: the instance could not be reached.'],
      ],
    },
  ],
};
