import { shellWord } from './ssh.js';

/** What a shell runs as root, whoever enters. @param words become `$1`, `$2`, … */
export interface RootScript {
  readonly command: string;
  /** What it reads from its stdin: a command line may be short, such as dropbear's of 9000 letters. */
  readonly input: string;
}

/** A script of any length. Nothing that it runs finds anything on its stdin. */
export function longScriptAsRoot(script: string, words: readonly string[]): RootScript {
  const shell = ['/bin/sh', '-s', ...words].map(shellWord).join(' ');
  return {
    command: `if [ "$(id -u)" = 0 ]; then ${shell}; else sudo -n ${shell}; fi`,
    input: `all() {\n${script}\n}\nall "$@" </dev/null\n`,
  };
}

/** A shell command that a script is run by as root, whoever enters. @param words become `$1`, `$2`, … */
export function asRoot(script: string, words: readonly string[]): string {
  const shell = ['/bin/sh', '-c', script, 'sh', ...words].map(shellWord).join(' ');
  return `if [ "$(id -u)" = 0 ]; then ${shell}; else sudo -n ${shell}; fi`;
}
