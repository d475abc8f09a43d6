import { EngineError } from './errors.js';
import { findOperation, type Operation } from './operations.js';

/** What we say that we speak, and the oldest that we answer. Versions are `1.minor`; only the minor is kept. */
export const API_VERSION = '1.47';
export const MIN_API_VERSION = '1.24';

/** A request whose URL was understood. */
export type EngineRequest = Readonly<{
  operation: Operation;
  /** Of an image or something else; `''` where the operation has none. */
  name: string;
  query: URLSearchParams;
  /** The minor version of the API that the client speaks; ours, when it does not say. */
  version: number;
}>;

/** @param url path and query, `/v1.47/images/json?all=1`; the version may be left out. @throws {EngineError} 400, 404 */
export function parseRequest(method: string, url: string): EngineRequest {
  const question = url.indexOf('?');
  const path = question < 0 ? url : url.slice(0, question);
  const [, version, rest = path] = /^\/v(\d{1,3}\.\d{1,3})(\/.*)$/.exec(path) ?? [];
  const found = findOperation(method, rest);
  if (found === undefined) throw unknownPage(method, rest);
  return {
    operation: found.operation,
    name: decoded(found.name),
    query: new URLSearchParams(question < 0 ? '' : url.slice(question + 1)),
    version: checkVersion(version ?? API_VERSION),
  };
}

/** What is still to come is told apart from what does not exist. */
function unknownPage(method: string, path: string): EngineError {
  const isOfContainers = /^\/(?:containers|exec|commit|networks)(?:\/|$)/.test(path);
  const [status, what] = isOfContainers ? [501, 'not answered by berth engine yet'] : [404, 'page not found'];
  return new EngineError(status, `${what}: ${method} ${path}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new EngineError(400, `not a name: ${text}`, { cause: error });
  }
}

/** With docker's words, which clients look at. */
function checkVersion(version: string): number {
  const minor = minorOf(version);
  if (minor > minorOf(API_VERSION))
    throw new EngineError(
      400,
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  if (minor < minorOf(MIN_API_VERSION))
    throw new EngineError(
      400,
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
  return minor;
}

/** Of `1.47` 47; of another major version less or more than any. */
export function minorOf(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (major - 1) * 1000 + minor;
}
