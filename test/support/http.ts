import { once } from 'node:events';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';

export type HttpOptions = Readonly<{
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  /** PEM certificates to trust. */
  ca?: string;
  /** Takes any certificate, and any answer within this time. */
  probeMs?: number;
}>;

export type HttpAnswer = Readonly<{ status: number; headers: IncomingMessage['headers']; body: Buffer }>;

/** One request on a connection of its own, whatever the status of the answer. Redirects are not followed. */
export async function http(url: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const answer = await openHttp(url, options);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
}

/** Like {@link http}, with the body still to be read. */
export async function openHttp(url: string, options: HttpOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', headers = {}, body, ca, probeMs } = options;
  const outgoing = (url.startsWith('https:') ? tlsRequest : plainRequest)(url, {
    method,
    agent: false,
    headers: { ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }), ...headers },
    ...(ca === undefined ? {} : { ca }),
    ...(probeMs === undefined ? {} : { rejectUnauthorized: false, signal: AbortSignal.timeout(probeMs) }),
  });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return incoming;
}

/** Whether anything answers HTTP there. */
export async function answers(url: string): Promise<boolean> {
  return (await http(url, { probeMs: 5000 })).status > 0;
}
