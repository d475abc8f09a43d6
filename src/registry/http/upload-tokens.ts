import { type Caller, EndedTokenError } from '../auth/index.js';
import type { Registry, RegistryContext } from './registry.js';
import { findRequest } from './request.js';

/** Of replicas; and the start of an upload is known to the second. */
const CLOCK_MS = 60_000;
/** Whoever takes longer asks for another token. */
const LONGEST_MS = 24 * 60 * 60 * 1000;

/**
 * Lets an upload be ended with the token that it began with, though the token has ended meanwhile: some clients cannot ask
 * for another one before they are done. User and rules are asked as ever; nothing else can be done with such a token.
 * @throws {unknown} `error`, where it is not that.
 */
export async function callerOfUpload(
  error: unknown,
  ctx: RegistryContext,
  { uploads, settings }: Registry,
): Promise<Caller> {
  if (!(error instanceof EndedTokenError)) throw error;
  const request = findRequest(ctx, settings);
  if (request?.kind !== 'upload') throw error;
  const startedAt = (await uploads.startedAt(request.repository, request.id))?.getTime();
  const { from, until } = error.validity;
  const beganWithIt = startedAt !== undefined && from - CLOCK_MS <= startedAt && startedAt <= until;
  if (!beganWithIt || Date.now() > until + LONGEST_MS) throw error;
  return error.caller;
}
