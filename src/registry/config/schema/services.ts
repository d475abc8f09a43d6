import { z } from 'zod';
import { anything, count, duration, flag, headers, section, signedDuration, text, texts } from './fields.js';

const EVERY = 'Time between two checks.';
const FAILURES = 'Failures in a row that make the registry unhealthy.';

const interval = () => duration(EVERY, '10s', { zeroMeansDefault: true });
const threshold = () => count(FAILURES, 1, { zeroMeansDefault: true });

const fileCheck = z.strictObject({
  file: z.string().meta({ description: 'Unhealthy as long as this file exists.' }),
  interval: interval(),
  threshold: threshold(),
});

const httpCheck = z.strictObject({
  uri: z.string().meta({ description: 'Unhealthy unless HEAD of this URL answers.' }),
  headers: headers('Headers of the request.'),
  statuscode: count('Status that is expected.', 200, { zeroMeansDefault: true }),
  timeout: duration('Longest wait; 0 sets no bound.', '0s'),
  interval: interval(),
  threshold: threshold(),
});

const tcpCheck = z.strictObject({
  addr: z.string().meta({ description: 'Unhealthy unless this host:port accepts connections.' }),
  timeout: duration('Longest wait; 0 sets no bound.', '0s'),
  interval: interval(),
  threshold: threshold(),
});

export const health = section('Checks that turn the registry unhealthy.', {
  storagedriver: section('The storage itself.', {
    enabled: flag('Checks the storage.'),
    interval: interval(),
    threshold: threshold(),
  }),
  file: z.array(fileCheck).meta({ description: 'Files that must not exist.' }).default([]),
  http: z.array(httpCheck).meta({ description: 'Servers that must answer.' }).default([]),
  tcp: z.array(tcpCheck).meta({ description: 'Addresses that must accept connections.' }).default([]),
});

const endpoint = z.strictObject({
  name: text('Name of the endpoint in logs and metrics.'),
  disabled: flag('Sends nothing to it.'),
  url: text('URL that events are posted to.'),
  headers: headers('Headers of each post.'),
  timeout: duration('Longest wait for an answer.', '1s', { zeroMeansDefault: true }),
  threshold: count('Failures in a row before it is left alone for a while.', 10, { zeroMeansDefault: true }),
  backoff: duration('How long it is left alone.', '1s', { zeroMeansDefault: true }),
  ignoredmediatypes: texts('Media types whose events are not sent.'),
  ignore: section('Events that are not sent.', {
    mediatypes: texts('Media types whose events are not sent.'),
    actions: texts('Actions whose events are not sent: pull, push, mount, delete.'),
  }),
});

export const notifications = section('Events for other programs.', {
  events: section('What an event tells.', {
    includereferences: flag('Lists what a manifest refers to.'),
  }),
  endpoints: z.array(endpoint).meta({ description: 'Who is told.' }).default([]),
});

const plugged = z.strictObject({
  name: text('Name of the middleware.'),
  disabled: flag('Leaves it out.'),
  options: anything('Options of the middleware.').default({}),
});
const plugs = (description: string) => z.array(plugged).meta({ description }).default([]);

export const middleware = section('Parts put around the registry of the reference.', {
  registry: plugs('Around the registry.'),
  repository: plugs('Around each repository.'),
  storage: plugs('Around the storage, such as cloudfront or redirect.'),
});

export const proxy = section('Pull-through cache of another registry.', {
  remoteurl: text('URL of the other registry.'),
  username: text('User there.'),
  password: text('Password there.'),
  exec: section('Credential helper.', {
    command: text('Name of the helper.'),
    lifetime: signedDuration('How long its answer is used.'),
  }),
  ttl: duration('How long what nobody asks for is kept; 0 keeps it.', '168h'),
  cachewritetimeout: duration('Longest time for writing to the cache.', '5m'),
});

export const reporting = section('Error reports to services. Gone in v3.', {
  bugsnag: section('Bugsnag.', {
    apikey: text('Key.'),
    releasestage: text('Stage.'),
    endpoint: text('Endpoint.'),
  }),
  newrelic: section('New Relic.', {
    licensekey: text('Key.'),
    name: text('Name.'),
    verbose: flag('Says more.'),
  }),
});
