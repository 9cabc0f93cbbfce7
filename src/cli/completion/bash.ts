import {
  COMPLETION_SHELLS,
  isNames,
  type CompletionArgument,
  type CompletionCommand,
  type CompletionOption,
} from './completion-command.js';
import { shellWord } from './shell-quote.js';

/** Bash 3.2 (macOS) has neither mapfile nor compopt; a word list for compgen -W would be evaluated. */
const FUNCTIONS = `# bash completion for multipass
_multipass_offer() {
  local word
  for word in "$@"; do
    if [[ $word == "$cur"* ]]; then COMPREPLY+=("$word"); fi
  done
}

_multipass_names() {
  local LC_ALL=C name
  while IFS= read -r name; do
    case $name in
      '' | [!A-Za-z0-9_]* | *[!A-Za-z0-9._+-]*) ;;
      *) _multipass_offer "$name\${2-}" ;;
    esac
  done < <(command multipass __complete "$1" 2>/dev/null </dev/null)
}

_multipass_places() {
  _multipass_names running-instance :
  if [[ \${#COMPREPLY[@]} -gt 0 ]]; then compopt -o nospace 2>/dev/null; else _multipass_files; fi
}

_multipass_files() {
  compopt -o default 2>/dev/null
}
`;

const START = `_multipass() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev='' command='' at
  COMPREPLY=()
  for ((at = 1; at < COMP_CWORD; at++)); do
    prev=\${COMP_WORDS[at]}
    if [[ $prev == -- ]]; then _multipass_files; return; fi
    if [[ -z $command && $prev != -* ]]; then command=$prev; fi
  done
  # bash splits --option=value at the sign
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
`;

/** The completion script for bash. */
export function bashCompletion(commands: readonly CompletionCommand[]): string {
  const names = commands.flatMap(({ name, aliases }) => [name, ...aliases]);
  return `${FUNCTIONS}
${START}
  case $command in
    '') ${offer(names)} ;;
${commands.map((command) => commandCase(command, names)).join('')}  esac
}

complete -F _multipass multipass
`;
}

function commandCase(command: CompletionCommand, names: readonly string[]): string {
  const { name, aliases, options, argument } = command;
  const valued = options.filter(({ takesValue }) => takesValue);
  const values = `      case $prev in\n${valued.map(valueCase).join('')}      esac\n`;
  const flags = offer(options.flatMap((option) => option.flags));
  return `    ${pattern([name, ...aliases])})
${valued.length === 0 ? '' : values}      case $cur in
        -*) ${flags} ;;
        *) ${argumentAction(argument, names)} ;;
      esac
      ;;
`;
}

function valueCase({ flags, choices }: CompletionOption): string {
  const action = choices === undefined ? '_multipass_files' : offer(choices);
  return `        ${pattern(flags)}) ${action}; return ;;\n`;
}

function argumentAction(argument: CompletionArgument, names: readonly string[]): string {
  if (isNames(argument)) return `_multipass_names ${argument}`;
  switch (argument) {
    case 'none':
      return ':';
    case 'command':
      return offer(names);
    case 'shell':
      return offer(COMPLETION_SHELLS);
    case 'file':
      return '_multipass_files';
    case 'place':
      return '_multipass_places';
  }
}

function offer(words: readonly string[]): string {
  return words.length === 0 ? ':' : `_multipass_offer ${words.map(shellWord).join(' ')}`;
}

function pattern(words: readonly string[]): string {
  return words.map(shellWord).join(' | ');
}
