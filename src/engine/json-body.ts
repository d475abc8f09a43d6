import { EngineError } from './errors.js';

/** What clients send as JSON describes one thing: a container, a login. */
const MAX_BYTES = 4 * 1024 * 1024;

/** A JSON object in the body of a request; an empty body is an empty object, and so is null. @throws {EngineError} 400, 413 */
export async function readJsonBody(
  body: AsyncIterable<Uint8Array>,
): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > MAX_BYTES) throw new EngineError(413, `the body has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) return {};
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8')) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch (error) {
    throw new EngineError(400, `the body is not JSON: ${(error as Error).message}`, { cause: error });
  }
  throw new EngineError(400, 'the body must be a JSON object');
}

/** A member that is text; `''` where it is missing or something else. */
export function textMember(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  return typeof value === 'string' ? value : '';
}
