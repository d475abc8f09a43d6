import { STATUS_CODES } from 'node:http';
import {
  DeniedError,
  RateLimitError,
  RegistryError,
  type RegistryProblem,
  UnauthorizedError,
} from './errors.js';
import type { HttpAnswer } from './http/answer.js';

const MAX_PROBLEM_BYTES = 64 * 1024;
const MAX_TEXT_LENGTH = 300;

/** What a failed answer says of itself; nothing is expected of its form. `text` is one short line, or ''. */
export async function readProblems(
  answer: HttpAnswer,
): Promise<Readonly<{ problems: readonly RegistryProblem[]; text: string }>> {
  const body = await answer.bytes(MAX_PROBLEM_BYTES).catch(() => Buffer.alloc(0));
  const problems = parseProblems(body);
  const described = problems.map(({ code, message }) => (message === '' ? code : message)).join(', ');
  return { problems, text: printable(described === '' ? plainText(answer, body) : described) };
}

/**
 * The error for an answer that is not what `what`, a request in words, was made for.
 * @param of `other`: the host to which the registry has redirected, and which answers.
 */
export async function failedAnswer(
  answer: HttpAnswer,
  { registry, what, user, other }: Readonly<{ registry: string; what: string; user: string; other?: string }>,
): Promise<RegistryError> {
  const { status } = answer;
  const { problems, text } = await readProblems(answer);
  const options = { registry, status, problems, retryAfter: answer.header('retry-after') };
  const said = text === '' ? (STATUS_CODES[status] ?? 'no reason given').toLowerCase() : text;
  switch (status) {
    case 401: {
      if (other !== undefined) {
        const why = `${registry} redirects to ${other}, which wants credentials of its own`;
        return new UnauthorizedError(`${what}: ${why}; those of ${registry} are not sent there`, options);
      }
      const advice =
        user === 'nobody'
          ? `log in with: berth login ${registry}, or check the name`
          : `as ${user}; log in again or as somebody else with: berth login ${registry}`;
      return new UnauthorizedError(
        `${what}: unauthorized${text === '' ? '' : `: ${text}`}; ${advice}`,
        options,
      );
    }
    case 403:
      return new DeniedError(`${what}: denied${user === 'nobody' ? '' : ` to ${user}`}: ${said}`, options);
    case 413:
      return new RegistryError(
        `${what}: too large (${said}); the registry or a proxy before it limits the size of requests`,
        options,
      );
    case 429: {
      const advice = user === 'nobody' ? `; logging in may raise the limit: berth login ${registry}` : '';
      return new RateLimitError(`${what}: too many requests (${said})${waitText(answer)}${advice}`, options);
    }
    default:
      return new RegistryError(
        `${what}: ${said} (${[...problems.slice(0, 1).map(({ code }) => code), status].join(', ')})`,
        options,
      );
  }
}

function waitText(answer: HttpAnswer): string {
  const after = answer.header('retry-after');
  return after === undefined
    ? ''
    : `; try again after ${/^\d+$/.test(after) ? `${after} s` : printable(after)}`;
}

function parseProblems(body: Buffer): RegistryProblem[] {
  try {
    const { errors, details } = JSON.parse(body.toString('utf8')) as { errors?: unknown; details?: unknown };
    if (!Array.isArray(errors))
      return typeof details === 'string' ? [{ code: 'UNKNOWN', message: details }] : [];
    return errors.slice(0, 20).map((error: { code?: unknown; message?: unknown } | null) => ({
      code: typeof error?.code === 'string' ? error.code : 'UNKNOWN',
      message: typeof error?.message === 'string' ? error.message : '',
    }));
  } catch {
    return [];
  }
}

/** Short texts are for people; pages and JSON of unknown form are not. */
function plainText(answer: HttpAnswer, body: Buffer): string {
  return answer.contentType === 'text/plain' ? body.toString('utf8').trim() : '';
}

/** One line without control characters: it goes to somebody's terminal. */
function printable(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length <= MAX_TEXT_LENGTH ? line : `${line.slice(0, MAX_TEXT_LENGTH)}…`;
}
