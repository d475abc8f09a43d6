import type { FinishedRequest } from '../../../src/registry/operations/index.js';

/** A request that went well, but for what a test changes. */
export function finishedRequest(changes: Partial<FinishedRequest> = {}): FinishedRequest {
  return {
    id: '5c1e9d2e-6f0a-4a4e-9a51-0d0f5a3c9b11',
    handler: 'manifest',
    remoteAddress: '192.0.2.7',
    forwardedFor: undefined,
    user: undefined,
    method: 'GET',
    host: 'registry.example:5000',
    url: '/v2/team/app/manifests/v1',
    httpVersion: '1.1',
    status: 200,
    requestBytes: 0,
    responseBytes: 1234,
    durationMs: 2.5,
    referer: undefined,
    userAgent: 'docker/29.1.2 go/go1.25.5',
    ...changes,
  };
}

/** Keeps what is written to it. */
export class Lines {
  readonly lines: string[] = [];

  write(line: string): void {
    this.lines.push(line);
  }

  get last(): string {
    return this.lines.at(-1) ?? '';
  }
}
