import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';

export type Question = Readonly<{
  headers?: Readonly<Record<string, string>>;
  /** Chunks go without a length. */
  body?: Uint8Array | Iterable<Uint8Array>;
  agent?: Agent;
  timeoutMs?: number;
}>;

export type Answer = Readonly<{ status: number; headers: IncomingHttpHeaders; body: Buffer }>;

/** The connection ended without a whole answer: nobody knows what the server did. */
export class CutError extends Error {
  override readonly name = 'CutError';
}

/** The server holds the connection and says nothing. */
class SilenceError extends Error {
  override readonly name = 'SilenceError';
}

/** One request and its whole answer. @throws {CutError | SilenceError} */
export function exchange(
  url: string,
  method: string,
  path: string,
  question: Question = {},
): Promise<Answer> {
  const { headers = {}, body, agent, timeoutMs = 60_000 } = question;
  const length = body instanceof Uint8Array ? { 'content-length': String(body.byteLength) } : {};
  const what = `${method} ${path}`;
  return new Promise((resolve, reject) => {
    const req = request(url + path, { method, headers: { ...length, ...headers }, agent: agent ?? false });
    const silence = setTimeout(() => {
      reject(new SilenceError(`${what}: no answer for ${timeoutMs} ms`));
      req.destroy();
    }, timeoutMs);
    const cut = (error: unknown) => {
      clearTimeout(silence);
      reject(new CutError(what, { cause: error }));
    };
    req.on('error', cut);
    req.on('response', (res) => {
      buffer(res).then((bytes) => {
        clearTimeout(silence);
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: bytes });
      }, cut);
    });
    if (body instanceof Uint8Array) req.end(body);
    else {
      for (const chunk of body ?? []) req.write(chunk);
      req.end();
    }
  });
}

/** Codes of an OCI error answer. */
export function errorCodes(answer: Answer): string[] {
  const { errors } = JSON.parse(answer.body.toString()) as { errors: { code: string }[] };
  return errors.map(({ code }) => code);
}
