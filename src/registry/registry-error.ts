import { MultipassError } from '../errors.js';
import type { HttpAnswer } from '../http/request.js';
import { readBody } from './read-body.js';

/** What a registry says of an error is a few lines. */
const LARGEST_ERROR = 64 * 1024;

/** One error as registries tell it. */
export interface RegistryProblem {
  readonly code: string;
  readonly message: string;
  readonly detail: unknown;
}

/** What the registry says went wrong; nothing when it says so in no form that is known. The answer is used up. */
export async function problemsOf(answer: HttpAnswer): Promise<RegistryProblem[]> {
  try {
    const text = (await readBody(answer, LARGEST_ERROR)).toString('utf8');
    const { errors } = JSON.parse(text) as { errors?: unknown };
    if (!Array.isArray(errors)) return [];
    return errors.slice(0, 1000).map((one: unknown) => {
      const { code, message, detail } = (one ?? {}) as Record<string, unknown>;
      return { code: plain(code), message: plain(message), detail };
    });
  } catch {
    return [];
  }
}

/** The error (REGISTRY_FAILED) for a registry that does not do what is asked of it. */
export function registryFailed(host: string, problem: string, cause?: unknown): MultipassError {
  return new MultipassError('REGISTRY_FAILED', `the registry ${host}: ${problem}`, {
    hint: 'Look at the registry and at the way to it, then try again: what it has already is not sent again.',
    details: { host },
    cause,
  });
}

/** The error (REGISTRY_DENIED) for a registry that does not let us. */
export function registryDenied(
  host: string,
  { what, hadCredentials }: { readonly what: string; readonly hadCredentials: boolean },
): MultipassError {
  const why = hadCredentials ? 'the login for it is not permitted to' : 'no login is known for it';
  return new MultipassError('REGISTRY_DENIED', `the registry ${host} refuses to ${what}: ${why}`, {
    hint: `Log in with \`skopeo login ${host}\`, \`podman login ${host}\` or \`docker login ${host}\`, then try again.`,
    details: { host },
  });
}

/** What a status and the words beside it come to, for a message. */
export function statusText(answer: HttpAnswer, problems: readonly RegistryProblem[]): string {
  const [first] = problems;
  const words = first === undefined ? plain(answer.statusText) : `${first.code} ${first.message}`;
  return `it answers ${answer.status} ${words}`.trim();
}

/** A stranger's words, for a terminal. */
function plain(words: unknown): string {
  return typeof words === 'string' ? words.replaceAll(/\p{C}/gu, ' ').slice(0, 200) : '';
}
