import type { CompletionCommand } from '../../../src/cli/completion/completion-command.js';

const format = {
  flags: ['--format'],
  description: 'Output: [table] by default',
  takesValue: true,
  choices: ['table', 'json', 'csv', 'yaml'],
};

/** One command of each kind of argument and option. */
export const SAMPLE_COMMANDS: readonly CompletionCommand[] = [
  {
    name: 'list',
    summary: 'List all instances',
    aliases: ['ls'],
    options: [format],
    argument: 'none',
  },
  {
    name: 'clone',
    summary: "Clone an instance: 'copy' it",
    aliases: [],
    options: [
      { flags: ['-n', '--name'], description: 'Name of the clone', takesValue: true },
      { flags: ['--linked'], description: 'Share the disk', takesValue: false },
    ],
    argument: 'stopped-instance',
  },
  { name: 'exec', summary: 'Run a command', aliases: [], options: [], argument: 'instance' },
  { name: 'recover', summary: 'Undelete', aliases: [], options: [], argument: 'deleted-instance' },
  { name: 'help', summary: 'Explain', aliases: [], options: [], argument: 'command' },
  { name: 'completion', summary: 'Print a script', aliases: [], options: [], argument: 'shell' },
  { name: 'import', summary: 'Read an archive', aliases: [], options: [], argument: 'file' },
];
