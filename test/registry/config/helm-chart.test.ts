import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { loadConfig } from '../../../src/registry/config/index.js';

const CHART = new URL('../../../config/replicas/helm/', import.meta.url);

const read = (path: string) => readFileSync(new URL(path, CHART), 'utf8');
const values = parse(read('values.yaml'));
const templates = readdirSync(new URL('templates/', CHART)).map((name) => read(`templates/${name}`));

/** Helm itself is not to be had here: what it makes of the templates is not looked at. */
describe('the Helm chart', () => {
  it('is of this version', () => {
    const { version } = JSON.parse(read('../../../package.json'));
    expect(parse(read('Chart.yaml'))).toMatchObject({ apiVersion: 'v2', appVersion: version });
  });

  it('brings a configuration that a server takes', () => {
    const { config, notices } = loadConfig({ text: stringify(values.config), env: {} });
    expect(config.berth.index.postgresql.passwordfile).toBe('/run/secrets/berth/postgres-password');
    expect(notices.filter(({ level }) => level !== 'info')).toEqual([]);
    const grace = 1000 * values.terminationGracePeriodSeconds;
    expect(grace).toBeGreaterThan(config.berth.stopdelay + config.http.draintimeout);
  });

  it('describes every value that its templates look at, and no other', () => {
    const asked = new Set(
      templates.flatMap((text) => [...text.matchAll(/\.Values\.([\w.]*\w)/g)].map(([, path = '']) => path)),
    );
    const missing = [...asked].filter((path) => !path.startsWith('config.') && at(path) === undefined);
    expect(missing).toEqual([]);
    const unused = Object.keys(values).filter(
      (name) => ![...asked].some((path) => path.split('.')[0] === name),
    );
    expect(unused).toEqual([]);
  });
});

function at(path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], values);
}
