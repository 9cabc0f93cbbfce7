import { MultipassError } from '../errors.js';

const HINT =
  'Look at the network and at the address, then try again: what has already come is kept.';

/** What the network's own codes mean to a user. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the server refuses the connection',
  ECONNRESET: 'the connection was cut',
  EPIPE: 'the connection was cut',
  ETIMEDOUT: 'the server does not answer',
  EHOSTUNREACH: 'there is no way to the server',
  ENETUNREACH: 'there is no way to the server',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

/** A download that did not come about, for whatever reason of the network's or the server's. */
export function downloadFailed(url: URL, reason: string, cause?: unknown): MultipassError {
  return new MultipassError('DOWNLOAD_FAILED', `cannot download "${url.href}": ${reason}`, {
    hint: HINT,
    details: { url: url.href },
    cause,
  });
}

/** The same for an answer that is a refusal. */
export function refusedBy(url: URL, status: number, text: string): MultipassError {
  const answer = text === '' ? `${status}` : `${status} ${text}`;
  return new MultipassError(
    'DOWNLOAD_FAILED',
    `cannot download "${url.href}": the server answers ${answer}`,
    {
      hint:
        status === 404
          ? 'Look at the address, and at `multipass get local.image.mirror`.'
          : 'Try again later, or from another server.',
      details: { url: url.href, status },
    },
  );
}

/** Why a request failed: the reason may be in the causes. */
export function reasonOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const reason = 'code' in at && typeof at.code === 'string' ? REASONS[at.code] : undefined;
    if (reason !== undefined) return reason;
    if (at.cause === undefined) return at.message;
  }
  return String(error);
}
