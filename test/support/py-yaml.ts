import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { PYTHON } from './python.js';

const SERVE = `
import json, sys, yaml
for line in sys.stdin:
    try:
        answer = {"value": yaml.safe_load(json.loads(line))}
    # Some of what it throws is none of its own: a date that does not exist is a ValueError.
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    try:
        print(json.dumps(answer, default=repr, allow_nan=False), flush=True)
    # Keys and numbers that JSON has not, and lists within themselves.
    except (TypeError, ValueError):
        print(json.dumps({"value": repr(answer["value"])}), flush=True)
`;

type Reader = (text: string) => Promise<unknown>;

let reader: Reader | undefined;

/** What PyYAML, cloud-init's own reader, takes a text for. Its process serves a whole test file. */
export async function pyYaml(text: string): Promise<unknown> {
  reader ??= startReader();
  return reader(text);
}

function startReader(): Reader {
  const python = spawn(PYTHON, ['-c', SERVE], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: python.stdout });
  let turn: Promise<unknown> = Promise.resolve();
  const ask = async (text: string): Promise<unknown> => {
    python.stdin.write(`${JSON.stringify(text)}\n`);
    const [line] = (await once(answers, 'line')) as [string];
    const { value, error } = JSON.parse(line) as { value?: unknown; error?: string };
    if (error !== undefined) throw new Error(`PyYAML refuses ${JSON.stringify(text)}: ${error}`);
    return value;
  };
  return async (text) => {
    const answer = turn.then(async () => ask(text));
    turn = answer.catch(() => undefined);
    return answer;
  };
}
