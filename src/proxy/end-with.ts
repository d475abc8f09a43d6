import type { ClientRequest } from 'node:http';

/**
 * Ends a request with a signal, in place of the option `signal`: that makes Node tell the connection an error, to which nobody
 * listens any more when the answer is complete at that moment and the connection is kept; it would end the process.
 * Whoever waits for the request gets some error, and finds the reason in the signal.
 */
export function endWith(signal: AbortSignal, request: ClientRequest): void {
  const end = () => request.destroy();
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  request.once('close', () => signal.removeEventListener('abort', end));
}
