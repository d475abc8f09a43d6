import { type Challenge, parseChallenges } from './auth/challenge.js';
import { RegistryError, TrustError } from './errors.js';
import { errorCode, explainNetworkError, isTransient, mayBePlainHttp } from './http/network-errors.js';
import type { RetryPolicy } from './http/retry-policy.js';
import type { Transport } from './http/transport.js';
import { failedAnswer } from './problems.js';

/** How a registry answered the first time. */
export type Contact = Readonly<{ origin: URL; status: number; challenges: readonly Challenge[] }>;

export type ContactOptions = Readonly<{
  registry: string;
  transport: Transport;
  retry: RetryPolicy;
  signal: AbortSignal | undefined;
}>;

/**
 * Finds the first origin that answers, and how it wants to be spoken to.
 * @param origins https before http; the latter is tried only where nobody speaks TLS.
 * @throws {UnreachableError} none answers. @throws {RegistryError} it is too busy. @throws {TrustError}
 */
export async function makeContact(origins: readonly URL[], options: ContactOptions): Promise<Contact> {
  const failures: { error: unknown; url: URL }[] = [];
  for (const [i, origin] of origins.entries()) {
    const url = new URL('/v2/', origin);
    try {
      return await ping(url, { ...options, mayFallBack: i < origins.length - 1 });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (error instanceof RegistryError || error instanceof TrustError) throw error;
      failures.push({ error, url });
      if (!mayBePlainHttp(error)) break;
    }
  }
  // When nobody listens for plain http either, what https said is the better reason.
  const last = failures.at(-1);
  const best = last !== undefined && errorCode(last.error) === 'ECONNREFUSED' ? failures[0] : last;
  if (best === undefined) throw new Error(`there is no way to ${options.registry}`);
  throw explainNetworkError(best.error, options.registry, best.url);
}

async function ping(
  url: URL,
  options: ContactOptions & Readonly<{ mayFallBack: boolean }>,
): Promise<Contact> {
  const { registry, transport, retry, signal, mayFallBack } = options;
  for (let failures = 1; ; failures++) {
    try {
      const answer = await transport.send({ method: 'GET', url, signal });
      const busy = retry.isTransient(answer.status);
      if (busy && (await retry.pause(failures, answer.header('retry-after'), signal))) {
        await answer.discard();
        continue;
      }
      if (busy)
        throw await failedAnswer(answer, {
          registry,
          what: `asking ${registry} for its API`,
          user: 'nobody',
        });
      // What another host wants, to which the registry redirects, is none of its own wishes.
      const challenged = answer.status === 401 && answer.url.host === url.host;
      const challenges = challenged ? parseChallenges(answer.headerLines('www-authenticate')) : [];
      await answer.discard();
      return { origin: new URL(url.origin), status: answer.status, challenges };
    } catch (error) {
      if (mayFallBack || !isWorthAnother(error)) throw error;
      if (!(await retry.pause(failures, undefined, signal))) throw error;
    }
  }
}

/** At the first contact, what refuses connections will not do otherwise in a moment. */
function isWorthAnother(error: unknown): boolean {
  return isTransient(error) && errorCode(error) !== 'ECONNREFUSED';
}
