import { request } from 'node:http';
import type { Check } from './diagnosis.js';
import type { PublicRegistry } from './public-registry.js';

const ANSWER_MS = 5000;

/** Whether what is called by https also answers in the clear, beside it. */
export const clearTextCheck: Check<PublicRegistry> = {
  name: 'plain http',
  run: async ({ origin, signal }) => {
    // On a port of its own nothing else can be guessed.
    if (origin.protocol !== 'https:' || origin.port !== '') return [];
    const answered = await asksForLogin(origin.hostname, signal);
    if (!answered) return [];
    return [
      {
        severity: 'warning',
        found: `http://${origin.hostname}/v2/ answers too, without TLS`,
        means: 'a client that is told to use it sends passwords and layers in the clear',
        remedy: `redirect it: 308 to ${origin.origin}; or close the port`,
      },
    ];
  },
};

function asksForLogin(hostname: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({
      host: hostname.replace(/^\[|\]$/g, ''),
      path: '/v2/',
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
    });
    asked.once('response', (answer) => {
      answer.resume();
      resolve(answer.headers['docker-distribution-api-version'] !== undefined && answer.statusCode !== 308);
    });
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
