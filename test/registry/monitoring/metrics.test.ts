import { describe, expect, it, vi } from 'vitest';
import type { RepositoryUsage } from '../../../src/index/index.js';
import { parseRepositoryName } from '../../../src/oci/index.js';
import { Metrics, type MetricsOptions } from '../../../src/registry/monitoring/index.js';
import { MemoryDriver } from '../../../src/storage/index.js';
import { describeStorageDriver } from '../../storage/contract.js';
import { finishedRequest } from '../operations/requests.js';

function metricsOf(options: Partial<MetricsOptions> = {}): Metrics {
  return new Metrics({
    version: '1.2.3',
    usage: async () => [],
    indexComplete: () => true,
    ...options,
  });
}

function usage(name: string, bytes: number): RepositoryUsage {
  const repository = parseRepositoryName(name);
  return { repository, bytes, manifests: 2, tags: 1, pushedAt: undefined, pulledAt: undefined };
}

/** The value of a series; `undefined` when it is absent. */
async function read(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.text()).split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length));
}

describe('Metrics of requests', () => {
  it('counts by the reference registry’s names and labels', async () => {
    const metrics = metricsOf();
    const [ended, underWay] = [{ handler: 'other' }, { handler: 'other' }];
    metrics.requestStarted(ended);
    metrics.requestStarted(underWay);
    underWay.handler = 'blob_upload_chunk';
    metrics.requestEnded(
      ended,
      finishedRequest({
        durationMs: 30,
        requestBytes: 1024,
        responseBytes: 3_000,
        method: 'PUT',
        status: 201,
      }),
    );
    const http = 'registry_http';
    const labels = 'handler="manifest",method="put"';
    const expected = {
      [`${http}_in_flight_requests{handler="blob_upload_chunk"}`]: 1,
      [`${http}_requests_total{${labels},code="201"}`]: 1,
      [`${http}_request_duration_seconds_bucket{le="0.025",${labels}}`]: 0,
      [`${http}_request_duration_seconds_bucket{le="0.05",${labels}}`]: 1,
      [`${http}_request_duration_seconds_sum{${labels}}`]: 0.03,
      [`${http}_request_size_bytes_bucket{le="1024",handler="manifest"}`]: 1,
      [`${http}_response_size_bytes_bucket{le="2048",handler="manifest"}`]: 0,
      [`${http}_response_size_bytes_bucket{le="4096",handler="manifest"}`]: 1,
    };
    for (const [series, value] of Object.entries(expected)) {
      expect([series, await read(metrics, series)]).toEqual([series, value]);
    }
  });
  it('counts blobs that were looked up', async () => {
    const metrics = metricsOf();
    for (const status of [200, 206, 404])
      metrics.requestEnded({ handler: '' }, finishedRequest({ handler: 'blob', method: 'GET', status }));
    const cache = 'registry_storage_cache';
    const expected = { '_total{type="Request"}': 3, '_total{type="Hit"}': 2, '_total{type="Miss"}': 1 };
    for (const [series, value] of Object.entries({ ...expected, _requests_total: 3, _hits_total: 2 }))
      expect([series, await read(metrics, cache + series)]).toEqual([series, value]);
  });
  it('keeps methods that a client invents in one series', async () => {
    const metrics = metricsOf();
    for (const method of ['BREW', 'WHEN']) metrics.requestEnded({ handler: '' }, finishedRequest({ method }));
    const series = 'registry_http_requests_total{handler="manifest",method="unknown",code="200"}';
    expect(await read(metrics, series)).toBe(2);
  });
});

describe('Metrics of repositories', () => {
  it('counts pulls and pushes', async () => {
    const metrics = metricsOf();
    metrics.pulled(parseRepositoryName('a/b'));
    metrics.pulled(parseRepositoryName('a/b'));
    metrics.pushed(parseRepositoryName('a/b'));
    expect(await read(metrics, 'berth_repository_pulls_total{repository="a/b"}')).toBe(2);
    expect(await read(metrics, 'berth_repository_pushes_total{repository="a/b"}')).toBe(1);
  });
  it('names so many repositories and counts the rest together', async () => {
    const metrics = metricsOf();
    for (let number = 0; number < 2003; number += 1) metrics.pulled(parseRepositoryName(`a${number}`));
    expect(await read(metrics, 'berth_repository_pulls_total{repository="a1999"}')).toBe(1);
    expect(await read(metrics, 'berth_repository_pulls_total{repository="a2000"}')).toBeUndefined();
    expect(await read(metrics, 'berth_repository_pulls_total{repository="_other"}')).toBe(3);
  });
  it('shows the largest and sums the rest', async () => {
    const all = Array.from({ length: 2002 }, (_, bytes) => usage(`a${bytes}`, bytes));
    const metrics = metricsOf({ usage: async () => all });
    expect(await read(metrics, 'berth_repository_bytes{repository="a2001"}')).toBe(2001);
    expect(await read(metrics, 'berth_repository_bytes{repository="a2"}')).toBe(2);
    expect(await read(metrics, 'berth_repository_bytes{repository="a1"}')).toBeUndefined();
    expect(await read(metrics, 'berth_repository_bytes{repository="_other"}')).toBe(1);
    expect(await read(metrics, 'berth_repository_manifests{repository="_other"}')).toBe(4);
    expect(await read(metrics, 'berth_repository_tags{repository="_other"}')).toBe(2);
  });
  it('asks the index once for many scrapes', async () => {
    const ask = vi.fn(async () => [usage('a', 1)]);
    const metrics = metricsOf({ usage: ask });
    await Promise.all([metrics.text(), metrics.text()]);
    expect(await read(metrics, 'berth_repository_bytes{repository="a"}')).toBe(1);
    expect(ask).toHaveBeenCalledTimes(1);
  });
  it('goes on without an index that fails', async () => {
    const metrics = metricsOf({ usage: () => Promise.reject(new Error('locked')) });
    await metrics.text();
    expect(await read(metrics, 'berth_metrics_errors_total')).toBe(1);
    expect(await read(metrics, 'berth_build_info{version="1.2.3"}')).toBe(1);
  });
});

describe('Metrics of the process', () => {
  it('tells the state of index and uploads', async () => {
    const metrics = metricsOf({ indexComplete: () => false, uploadsInProgress: async () => 3 });
    expect(await read(metrics, 'berth_index_complete')).toBe(0);
    expect(await read(metrics, 'berth_uploads_in_progress')).toBe(3);
  });
  it('adds the usual ones', async () => {
    expect(await metricsOf().text()).toContain('process_resident_memory_bytes');
  });
  it('is well-formed', async () => {
    const text = await metricsOf({ usage: async () => [usage('a/b', 1)] }).text();
    const line = /^(#.*|[a-z_0-9]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? [-+.\w]+|)$/i;
    expect(text.split('\n').filter((each) => !line.test(each))).toEqual([]);
    expect(text.endsWith('\n')).toBe(true);
  });
});

describeStorageDriver('measured', async () => ({
  driver: metricsOf().measured(new MemoryDriver()),
  async [Symbol.asyncDispose]() {},
}));

describe('a measured driver', () => {
  const counted = (action: string) =>
    `registry_storage_action_seconds_count{driver="inmemory",action="${action}"}`;

  it('passes everything on and counts it by the reference registry’s names', async () => {
    const metrics = metricsOf();
    const driver = metrics.measured(new MemoryDriver());
    expect(driver.name).toBe('inmemory');
    await driver.publish([{ path: '/a/b', bytes: Buffer.from('text') }]);
    expect(String(await driver.read('/a/b'))).toBe('text');
    expect((await driver.stat('/a/b'))?.size).toBe(4);
    for await (const entry of driver.list('/a')) expect(entry).toEqual({ name: 'b', directory: false });
    await driver.delete('/a/b');
    for (const action of ['PutContent', 'GetContent', 'Stat', 'List', 'Delete']) {
      expect([action, await read(metrics, counted(action))]).toEqual([action, 1]);
    }
  });
  it('counts failures, and lists that nobody read to the end', async () => {
    const metrics = metricsOf();
    const driver = metrics.measured(new MemoryDriver());
    await expect(driver.read('/absent')).rejects.toThrow('nothing is stored');
    await driver.publish([{ path: '/a/b', bytes: Buffer.from('') }]);
    await driver.publish([{ path: '/a/c', bytes: Buffer.from('') }]);
    for await (const _ of driver.list('/a')) break;
    expect(await read(metrics, counted('GetContent'))).toBe(1);
    expect(await read(metrics, counted('List'))).toBe(1);
  });
});
