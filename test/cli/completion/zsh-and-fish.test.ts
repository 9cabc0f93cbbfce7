import { describe, expect, it } from 'vitest';
import { completionScript } from '../../../src/cli/completion/completion-script.js';
import { SAMPLE_COMMANDS } from './sample-commands.js';

describe('the zsh completion script', () => {
  const script = completionScript('zsh', SAMPLE_COMMANDS);

  it('is found by compinit and works when it is sourced', () => {
    expect(script).toMatch(/^#compdef multipass\ncompdef _multipass multipass\n/);
    expect(script).toMatch(
      /if \[ "\$funcstack\[1\]" = _multipass \]; then _multipass "\$@"; fi\n$/,
    );
  });

  it('describes each command, with quotes kept', () => {
    expect(script).toContain(`    'ls:List all instances'\n`);
    expect(script).toContain(String.raw`    'clone:Clone an instance: '\''copy'\'' it'` + '\n');
  });

  it('gives each command its options and its argument', () => {
    expect(script).toContain(
      [
        '    clone)',
        '      _arguments \\',
        `        '*-n+[Name of the clone]:value:_files' \\`,
        `        '*--name=[Name of the clone]:value:_files' \\`,
        `        '(--linked)--linked[Share the disk]' \\`,
        `        '*:instance: _multipass_names stopped-instance'`,
        '      ;;',
        '',
      ].join('\n'),
    );
    expect(script).toContain(
      String.raw`'*--format=[Output\: \[table\] by default]:value:(table json csv yaml)'`,
    );
    expect(script).toContain(`    list|ls)\n`);
    expect(script).toContain(`'*:shell:(bash zsh fish)'`);
    expect(script).toContain(`'*:command:_multipass_commands'`);
    expect(script).toContain(`'*:file:_files'`);
  });

  it('keeps only lines that can be names', () => {
    expect(script).toContain('names=(${${(M)names:#[A-Za-z0-9_]*}:#*[^A-Za-z0-9._+-]*})');
  });
});

describe('the fish completion script', () => {
  const script = completionScript('fish', SAMPLE_COMMANDS);

  it('describes each command, with quotes kept', () => {
    expect(script).toContain(
      `complete -c multipass -n __fish_use_subcommand -a ls -d 'List all instances'\n`,
    );
    expect(script).toContain(String.raw`-a clone -d 'Clone an instance: \'copy\' it'` + '\n');
  });

  it('gives each command its options and its argument', () => {
    const clone = `complete -c multipass -n '__fish_seen_subcommand_from clone' `;
    expect(script).toContain(`${clone}-s n -l name -r -F -d 'Name of the clone'\n`);
    expect(script).toContain(`${clone}-l linked -d 'Share the disk'\n`);
    expect(script).toContain(`${clone}-a '(__multipass_names stopped-instance)'\n`);
    expect(script).toContain(
      `'__fish_seen_subcommand_from list ls' -l format -x -a 'table json csv yaml' -d `,
    );
    expect(script).toContain(`from completion' -a 'bash zsh fish'\n`);
    expect(script).toContain(`from help' -a 'list ls clone exec recover help completion import'\n`);
    expect(script).toContain(`from import' -F\n`);
  });

  it('keeps only lines that can be names', () => {
    expect(script).toContain(`string match -r '^[A-Za-z0-9_][A-Za-z0-9._+-]*$'`);
  });
});
