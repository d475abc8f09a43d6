import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../src/registry/config/index.js';

const folder = new URL('../../../config/replicas/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8');

/** A service of a compose file, as far as is looked at here. */
type Service = Readonly<{
  image: string;
  environment?: Record<string, string>;
  volumes?: readonly string[];
  secrets?: readonly string[];
  depends_on?: readonly string[];
  stop_grace_period?: string;
}>;

describe('config/replicas/compose.yml', () => {
  const compose = parse(read('compose.yml'), { merge: true }) as {
    services: Record<string, Service>;
    secrets: object;
    volumes: object;
  };
  const replicas = Object.values(compose.services).filter(({ image }) => image === 'berth');

  it('starts two servers of one configuration, which is right', () => {
    expect(replicas).toHaveLength(2);
    for (const { environment, volumes } of replicas) {
      const [path = '', place] = volumes?.[0]?.split(':') ?? [];
      expect(place).toBe('/etc/distribution/config.yml');
      const text = readFileSync(new URL(path, folder), 'utf8');
      const { config, notices } = loadConfig({ text, path, env: environment ?? {} });
      expect(notices).toEqual([]);
      expect(config.berth.index.postgresql.passwordfile).toBe('/run/secrets/postgres-password');
      expect(config.storage.s3?.regionendpoint).toBe('http://s3:3900');
    }
  });

  it('lets them finish what they do', () =>
    expect(Number.parseInt(replicas[0]?.stop_grace_period ?? '', 10) * 1000).toBeGreaterThan(
      loadConfig({ env: {} }).config.http.draintimeout,
    ));

  it('names nothing that is not there', () => {
    const services = Object.keys(compose.services);
    for (const { depends_on = [], secrets = [], volumes = [] } of Object.values(compose.services)) {
      expect(services).toEqual(expect.arrayContaining([...depends_on]));
      expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining([...secrets]));
      for (const source of volumes.map((volume) => volume.split(':')[0] ?? '')) {
        if (source.startsWith('.')) readFileSync(new URL(source, folder));
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
    const servers = [...read('haproxy.cfg').matchAll(/^ {2}server \S+ (\S+):5000$/gm)].map(
      ([, host]) => host,
    );
    expect(servers).toEqual(services.filter((name) => name.startsWith('berth-')));
  });
});

describe('config/replicas/kubernetes.yml', () => {
  const objects = parseAllDocuments(read('kubernetes.yml')).map((document) => document.toJS());
  const find = (kind: string) => objects.find((object) => object.kind === kind);
  const pod = find('Deployment').spec.template;
  const [container] = pod.spec.containers;

  it('has a configuration that is right', () => {
    const env = Object.fromEntries(container.env.map(({ name }: { name: string }) => [name, 'x']));
    const { config, notices } = loadConfig({ text: find('ConfigMap').data['config.yml'], env });
    expect(notices).toEqual([]);
    expect(config.http.secret).toBe('x');
    expect(container.args).toEqual([`${container.volumeMounts[0].mountPath}/config.yml`]);
    const folderOfSecrets = container.volumeMounts[1].mountPath;
    expect(config.berth.index.postgresql.passwordfile).toBe(`${folderOfSecrets}/postgres-password`);
    expect(pod.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(
      config.http.draintimeout + config.berth.stopdelay,
    );
  });

  it('names nothing that is not there', () => {
    const { app } = pod.metadata.labels;
    expect(find('Deployment').spec.selector.matchLabels).toEqual({ app });
    expect(find('Service').spec.selector).toEqual({ app });
    expect(find('PodDisruptionBudget').spec.selector.matchLabels).toEqual({ app });
    const { name, port } = find('Ingress').spec.rules[0].http.paths[0].backend.service;
    expect([name, port.name]).toEqual([find('Service').metadata.name, find('Service').spec.ports[0].name]);
    const volumes = pod.spec.volumes.map((volume: { name: string }) => volume.name);
    expect(container.volumeMounts.map((mount: { name: string }) => mount.name)).toEqual(volumes);
    expect(container.ports[0].name).toBe(container.readinessProbe.httpGet.port);
  });
});
