import {
  COMPLETION_SHELLS,
  isNames,
  type CompletionArgument,
  type CompletionCommand,
  type CompletionOption,
} from './completion-command.js';
import { shellWord } from './shell-quote.js';

const FUNCTIONS = `#compdef multipass
compdef _multipass multipass

_multipass_names() {
  local -a names
  names=("\${(@f)$(command multipass __complete $1 2>/dev/null </dev/null)}")
  names=(\${\${(M)names:#[A-Za-z0-9_]*}:#*[^A-Za-z0-9._+-]*})
  compadd "\${@:2}" -a names
}

_multipass_places() {
  _multipass_names running-instance -S :
  _files
}
`;

/** Works both as a file of $fpath and when it is sourced. */
const END = `if [ "$funcstack[1]" = _multipass ]; then _multipass "$@"; fi
`;

/** The completion script for zsh. */
export function zshCompletion(commands: readonly CompletionCommand[]): string {
  const described = commands.flatMap(({ name, aliases, summary }) =>
    [name, ...aliases].map((word) => `    ${shellWord(`${word}:${summary}`)}\n`),
  );
  return `${FUNCTIONS}
_multipass_commands() {
  local -a commands
  commands=(
${described.join('')}  )
  _describe -t commands command commands
}

_multipass() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C '1:command:_multipass_commands' '*::argument:->arguments'
  [[ $state == arguments ]] || return
  case $words[1] in
${commands.map(commandCase).join('')}  esac
}

${END}`;
}

function commandCase({ name, aliases, options, argument }: CompletionCommand): string {
  const specs = [...options.flatMap(optionSpecs), ...argumentSpecs(argument)];
  const lines = ['_arguments', ...specs.map(shellWord)].join(' \\\n        ');
  return `    ${[name, ...aliases].map(shellWord).join('|')})
      ${lines}
      ;;
`;
}

/** A valued option may come again (`--mount`), a plain one rules out its other spellings. */
function optionSpecs({ flags, description, takesValue, choices }: CompletionOption): string[] {
  const text = description.replace(/[[\]\\:]/g, String.raw`\$&`);
  if (!takesValue) return flags.map((flag) => `(${flags.join(' ')})${flag}[${text}]`);
  const action = choices === undefined ? '_files' : `(${choices.join(' ')})`;
  return flags.map(
    (flag) => `*${flag}${flag.startsWith('--') ? '=' : '+'}[${text}]:value:${action}`,
  );
}

function argumentSpecs(argument: CompletionArgument): string[] {
  if (isNames(argument)) {
    // with a blank before it, the action gets no options for compadd among its arguments
    return [`*:instance: _multipass_names ${argument}`];
  }
  switch (argument) {
    case 'none':
      return [];
    case 'command':
      return ['*:command:_multipass_commands'];
    case 'shell':
      return [`*:shell:(${COMPLETION_SHELLS.join(' ')})`];
    case 'file':
      return ['*:file:_files'];
    case 'place':
      return ['*:place: _multipass_places'];
  }
}
