import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import type { Config } from '../../registry/config/index.js';
import { listenAddress, tlsFilesOf } from '../settings.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

const ANSWER_MS = 5000;
const EVERYWHERE = ['0.0.0.0', '::'];

/** Whether the registry answers where it should, and to whom. */
export const addressCheck: Check<Machine> = {
  name: 'address',
  run: async ({ loaded: { config } }) => {
    const answer = await ask(config);
    return [...answered(config, answer), ...clearText(config), ...onlyHere(config)];
  },
};

type Answer = 'a registry' | 'something else' | 'nobody';

function ask({ http }: Config): Promise<Answer> {
  const where = listenAddress(http);
  const secure = http.tls.certificate !== undefined && http.tls.certificate !== '';
  const place =
    'path' in where
      ? { socketPath: where.path }
      : { port: where.port, host: where.host && !EVERYWHERE.includes(where.host) ? where.host : 'localhost' };
  const prefix = (http.prefix ?? '').replace(/\/+$/, '');
  return new Promise((resolve) => {
    const asked = (secure ? tlsRequest : plainRequest)({
      ...place,
      path: `${prefix}/v2/`,
      agent: false,
      signal: AbortSignal.timeout(ANSWER_MS),
      ...(secure ? { rejectUnauthorized: false } : {}),
    });
    asked.once('response', (response) => {
      response.resume();
      resolve(
        response.headers['docker-distribution-api-version'] === undefined ? 'something else' : 'a registry',
      );
    });
    asked.once('error', () => resolve('nobody'));
    asked.end();
  });
}

function answered({ http }: Config, answer: Answer): Diagnosis[] {
  if (answer === 'a registry') return [];
  if (answer === 'nobody')
    return [
      {
        severity: 'note',
        found: `nobody answers at ${http.addr}`,
        means: 'the registry does not run, or not with this configuration',
        remedy: 'start it with berth serve; if it runs, see http.addr and what its log says it listens on',
      },
    ];
  return [
    {
      severity: 'error',
      found: `what answers at ${http.addr} is no registry`,
      means: 'another program has the address, so that the registry does not start',
      remedy: 'stop that program, or choose another http.addr',
    },
  ];
}

function clearText(config: Config): Diagnosis[] {
  const { http, auth, berth } = config;
  const asks = auth.htpasswd !== undefined || berth.robots.path !== undefined || berth.tokens.enabled;
  if (!asks || tlsFilesOf(config) !== undefined || isLocal(config)) return [];
  return [
    {
      severity: 'warning',
      found: `users log in at ${http.addr} without TLS`,
      means: 'passwords can be read by whoever is in between; docker refuses to log in but by https',
      remedy:
        'berth tls init makes certificates; behind a proxy with TLS, listen on 127.0.0.1 or a network of its own',
    },
  ];
}

function onlyHere(config: Config): Diagnosis[] {
  const { host } = config.http;
  const name = host && URL.parse(host)?.hostname;
  if (!isLocal(config) || tlsFilesOf(config) === undefined || !name || name === 'localhost') return [];
  return [
    {
      severity: 'note',
      found: `the registry listens on ${config.http.addr} only, with a certificate of its own, and is known as ${name}`,
      means: 'only programs on this machine reach it, unless a proxy passes TLS on',
      remedy: 'listen on all addresses with http.addr: :443, if others should reach it directly',
    },
  ];
}

function isLocal({ http }: Config): boolean {
  const where = listenAddress(http);
  return 'path' in where || /^(localhost|127\.|::1$)/.test(where.host ?? '');
}
