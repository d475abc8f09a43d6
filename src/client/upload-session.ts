import type { Digest, RepositoryName } from '../oci/index.js';
import { algorithmOf } from '../oci/index.js';
import { repositoryScope } from './auth/scope.js';
import { RegistryError } from './errors.js';
import type { HttpAnswer } from './http/answer.js';
import type { ApiRequest, RegistryHost } from './registry-host.js';

/** Where a blob goes. */
export type UploadPlace = Readonly<{
  host: RegistryHost;
  path: RepositoryName;
  digest: Digest;
  signal: AbortSignal | undefined;
}>;

/** An upload that the registry waits for. */
export type UploadSession = Readonly<{
  /** Kept as the registry wrote it: its query may carry state. */
  location: URL;
  /** Bytes that are there already. */
  offset: number;
  /** The least that each part but the last must have. */
  minPartBytes: number;
}>;

/** Whoever interrupts a program does not want to wait. */
const CANCELLING_MS = 2000;

/** Mounts the blob from another repository of the registry, or begins an upload. */
export async function openSession(
  place: UploadPlace,
  mountFrom?: string,
): Promise<UploadSession | 'mounted'> {
  const mounted =
    mountFrom === undefined || mountFrom === place.path ? undefined : await mount(place, mountFrom);
  return mounted ?? startSession(place);
}

export async function startSession(place: UploadPlace): Promise<UploadSession> {
  const algorithm = algorithmOf(place.digest);
  const query = algorithm === 'sha256' ? '' : `?digest-algorithm=${algorithm}`;
  const answer = await place.host.send({
    ...uploadRequest(place, 'starting to send'),
    method: 'POST',
    target: `/v2/${place.path}/blobs/uploads/${query}`,
    expect: [202],
  });
  await answer.discard();
  return sessionOf(place, answer, { offset: 0, minPartBytes: 0 });
}

/** What was received so far; `undefined` when the session is gone, or the registry does not tell. */
export async function findSession(
  place: UploadPlace,
  session: UploadSession,
): Promise<UploadSession | undefined> {
  const answer = await place.host.send({
    ...uploadRequest(place, 'finding out how much was received of'),
    method: 'GET',
    target: session.location,
    expect: [200, 204, 400, 404, 405, 409, 410, 416],
  });
  await answer.discard();
  if (answer.status !== 204 && answer.status !== 200) return undefined;
  return receivedBytes(answer) === undefined ? undefined : sessionOf(place, answer, session);
}

/** Best effort, after an interruption too: what is not cancelled, the registry removes some day. */
export async function cancelSession(place: UploadPlace, { location }: UploadSession): Promise<void> {
  try {
    const answer = await place.host.send({
      ...uploadRequest(place, 'cancelling'),
      method: 'DELETE',
      target: location,
      expect: [200, 202, 204, 404],
      retry: false,
      signal: AbortSignal.timeout(CANCELLING_MS),
      outlives: true,
    });
    await answer.discard();
  } catch {
    // told is what led here
  }
}

/** @param before what goes on where the answer says nothing new. */
export function sessionOf(
  { host, digest }: UploadPlace,
  answer: HttpAnswer,
  before: Pick<UploadSession, 'offset' | 'minPartBytes'> & { location?: URL },
): UploadSession {
  const header = answer.header('location');
  const location = header === undefined ? before.location : (URL.parse(header, answer.url.href) ?? undefined);
  if (location === undefined) {
    const message = `sending blob ${digest} to ${host.registry}: the registry does not say where to (no Location)`;
    throw new RegistryError(message, { registry: host.registry, status: answer.status });
  }
  const minimum = answer.header('oci-chunk-min-length') ?? '';
  return {
    location,
    offset: receivedBytes(answer) ?? before.offset,
    minPartBytes: /^\d{1,12}$/.test(minimum) ? Number(minimum) : before.minPartBytes,
  };
}

export function uploadRequest(
  { host, path, digest, signal }: UploadPlace,
  doing: string,
): Pick<ApiRequest, 'repository' | 'scopes' | 'what' | 'signal'> {
  return {
    repository: path,
    scopes: [repositoryScope(path, 'pull', 'push')],
    what: `${doing} blob ${digest} to ${host.registry}/${path}`,
    signal,
  };
}

/** The digest goes behind whatever query the registry wants back. */
export function closingUrl({ location }: UploadSession, digest: Digest): URL {
  const url = new URL(location);
  url.search += `${url.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return url;
}

/** @returns `undefined` where the ordinary way has to be gone; a refusal is no reason to fail. */
async function mount(place: UploadPlace, from: string): Promise<UploadSession | 'mounted' | undefined> {
  const { host, path, digest } = place;
  const request = uploadRequest(place, 'mounting');
  try {
    const answer = await host.send({
      ...request,
      scopes: [...request.scopes, repositoryScope(from, 'pull')],
      method: 'POST',
      target: `/v2/${path}/blobs/uploads/?${new URLSearchParams({ mount: digest, from })}`,
      expect: [201, 202],
    });
    await answer.discard();
    return answer.status === 201 ? 'mounted' : sessionOf(place, answer, { offset: 0, minPartBytes: 0 });
  } catch (error) {
    if (error instanceof RegistryError && error.status < 500 && error.status !== 429) return undefined;
    throw error;
  }
}

/** `Range: 0-<last>`, some with `bytes=`. An empty session says `0-0` too. */
function receivedBytes(answer: HttpAnswer): number | undefined {
  const [, last] = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(answer.header('range')?.trim() ?? '') ?? [];
  if (last === undefined) return undefined;
  return last === '0' ? 0 : Number(last) + 1;
}
