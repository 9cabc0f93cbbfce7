import { execFileSync } from 'node:child_process';
import { PYTHON } from './python.js';

/** What PyYAML, a reader of YAML 1.1 and none of ours, takes the text for. */
export function readYaml(text: string): unknown {
  const program = 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)';
  return JSON.parse(execFileSync(PYTHON, ['-c', program], { input: text, encoding: 'utf8' }));
}
