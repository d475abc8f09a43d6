import { OciError } from '../../oci/index.js';
import { EndedTokenError, RefusedLoginError } from '../auth/index.js';
import type { Deed } from '../events/index.js';
import { type ErrorAnswer, HttpError } from './errors.js';
import type { RegistryContext } from './registry.js';

/** Is told what clients do, and what they were refused. Does not fail, since what was done is done. */
export interface Witness {
  /** The client is answered once this resolves. */
  changed(ctx: RegistryContext, deeds: readonly Deed[]): Promise<void>;
  /** Nobody waits for what comes of this. */
  pulled(ctx: RegistryContext, deed: Deed): void;
  /** The client is answered once this resolves. */
  refused(ctx: RegistryContext, refusal: Refusal): Promise<void>;
}

/** Why somebody may not do something, as they are told. `user`: whose credentials were refused, if they are known. */
export type Refusal = Readonly<{ status: number; reason: string; user?: string | undefined }>;

/**
 * Whether a failure is a refusal: who asks may not do that, or nobody may. A question for credentials at the base of the API is none: each
 * login begins with it.
 */
export function refusalOf(ctx: RegistryContext, error: unknown, answer: ErrorAnswer): Refusal | undefined {
  const { status, errors } = answer;
  const isQuestion = status === 401 && ctx.state.handler === 'base' && !ctx.get('Authorization');
  // A method that a path does not have is a mistake of the client's, and has a status of its own.
  const isMode = status === 405 && error instanceof OciError && !(error instanceof HttpError);
  if (isQuestion || !(status === 401 || status === 403 || isMode)) return undefined;
  return { status, reason: errors[0]?.message ?? '', user: userOf(error) };
}

function userOf(error: unknown): string | undefined {
  if (error instanceof RefusedLoginError) return error.user;
  if (error instanceof EndedTokenError) {
    const { identity } = error.caller;
    return identity === 'anonymous' ? undefined : identity.user;
  }
  return error instanceof HttpError ? userOf(error.cause) : undefined;
}
