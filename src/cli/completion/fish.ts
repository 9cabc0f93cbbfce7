import {
  COMPLETION_SHELLS,
  isNames,
  type CompletionArgument,
  type CompletionCommand,
  type CompletionOption,
} from './completion-command.js';

const FUNCTIONS = `# fish completion for multipass
function __multipass_names
    command multipass __complete $argv[1] 2>/dev/null </dev/null | string match -r '^[A-Za-z0-9_][A-Za-z0-9._+-]*$'
end

function __multipass_places
    for name in (__multipass_names running-instance)
        echo $name:
    end
end

complete -c multipass -f
`;

/** The completion script for fish. */
export function fishCompletion(commands: readonly CompletionCommand[]): string {
  const names = commands.flatMap(({ name, aliases }) => [name, ...aliases]);
  return [FUNCTIONS, ...commands.map((command) => commandLines(command, names))].join('');
}

function commandLines(command: CompletionCommand, names: readonly string[]): string {
  const words = [command.name, ...command.aliases];
  const seen = `-n ${fishWord(`__fish_seen_subcommand_from ${words.join(' ')}`)}`;
  const lines = [
    ...words.map(
      (word) => `-n __fish_use_subcommand -a ${fishWord(word)} -d ${fishWord(command.summary)}`,
    ),
    ...command.options.map((option) => `${seen} ${optionText(option)}`),
    ...argumentTexts(command.argument, names).map((text) => `${seen} ${text}`),
  ];
  return lines.map((line) => `complete -c multipass ${line}\n`).join('');
}

function optionText({ flags, description, takesValue, choices }: CompletionOption): string {
  const names = flags.map((flag) =>
    flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  return [...names, ...valueTexts(takesValue, choices), `-d ${fishWord(description)}`].join(' ');
}

function valueTexts(takesValue: boolean, choices: readonly string[] | undefined): string[] {
  if (!takesValue) return [];
  return choices === undefined ? ['-r -F'] : [`-x -a ${fishWord(choices.join(' '))}`];
}

function argumentTexts(argument: CompletionArgument, names: readonly string[]): string[] {
  if (isNames(argument)) return [`-a '(__multipass_names ${argument})'`];
  switch (argument) {
    case 'none':
      return [];
    case 'command':
      return [`-a ${fishWord(names.join(' '))}`];
    case 'shell':
      return [`-a ${fishWord(COMPLETION_SHELLS.join(' '))}`];
    case 'file':
      return ['-F'];
    case 'place':
      return [`-F -a '(__multipass_places)'`];
  }
}

/** One word of fish, where a backslash is special within single quotes too. */
function fishWord(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : `'${text.replace(/['\\]/g, String.raw`\$&`)}'`;
}
