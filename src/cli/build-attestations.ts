import manifest from '../../package.json' with { type: 'json' };
import type { ProvenanceOptions } from '../builder/attestations/index.js';
import { type BuildFlags, parseSpec } from './build-flags.js';
import { UsageError } from './failure.js';

/** What is wanted beside the image. File names are those in results that are mere files. */
export type WantedAttestations = Readonly<{
  sbom?: Readonly<{ fileName: string }>;
  provenance?: ProvenanceOptions & Readonly<{ fileName: string | undefined }>;
}>;

type Flags = Pick<BuildFlags, 'attest' | 'provenance' | 'sbom'>;

/** `--attest type=…`, and the short forms `--sbom` and `--provenance`, which count more. @throws {UsageError} */
export function parseAttestations({ attest, sbom, provenance }: Flags): WantedAttestations {
  const specs = new Map<string, ReadonlyMap<string, string> | undefined>();
  for (const text of attest) {
    const spec = parseSpec(text);
    const type = spec.get('type') ?? '';
    if (type !== 'sbom' && type !== 'provenance')
      throw new UsageError(`--attest ${text}: type= is sbom or provenance`);
    specs.set(type, spec);
  }
  if (sbom !== undefined) specs.set('sbom', shortForm(sbom));
  if (provenance !== undefined) specs.set('provenance', shortForm(provenance));
  const [sbomSpec, provenanceSpec] = [specs.get('sbom'), specs.get('provenance')];
  return {
    ...(isWanted(sbomSpec) && { sbom: sbomOptions(sbomSpec) }),
    ...(isWanted(provenanceSpec) && { provenance: provenanceOptions(provenanceSpec) }),
  };
}

/** `--sbom`, `--sbom=true`, `--provenance=mode=max`, `--provenance=max`; `undefined` for `false`. */
function shortForm(value: boolean | string): ReadonlyMap<string, string> | undefined {
  if (value === false || value === 'false' || value === '0') return undefined;
  if (value === true || value === 'true' || value === '1') return new Map();
  return value === 'min' || value === 'max' ? new Map([['mode', value]]) : parseSpec(value);
}

function isWanted(spec: ReadonlyMap<string, string> | undefined): spec is ReadonlyMap<string, string> {
  const disabled = spec?.get('disabled');
  return spec !== undefined && (disabled === undefined || disabled === 'false' || disabled === '0');
}

function sbomOptions(spec: ReadonlyMap<string, string>): { fileName: string } {
  checkKeys('sbom', spec, ['filename', 'generator']);
  const generator = spec.get('generator');
  if (generator !== undefined)
    throw new UsageError(`generator=${generator}: Berth looks for packages itself, and runs no scanner`);
  return { fileName: plainName(spec.get('filename')) ?? 'sbom.spdx.json' };
}

function provenanceOptions(
  spec: ReadonlyMap<string, string>,
): ProvenanceOptions & { fileName: string | undefined } {
  checkKeys('provenance', spec, ['mode', 'builder-id', 'filename', 'inline-only', 'reproducible', 'version']);
  const mode = spec.get('mode') ?? 'min';
  if (mode !== 'min' && mode !== 'max') throw new UsageError(`mode=${mode}: provenance is min or max`);
  const version = spec.get('version') ?? 'v1';
  if (version !== 'v1') throw new UsageError(`version=${version}: provenance is that of SLSA v1`);
  const isInlineOnly = booleanOf(spec, 'inline-only');
  return {
    mode,
    builderId: spec.get('builder-id') ?? `pkg:generic/berth@${manifest.version}`,
    isReproducible: booleanOf(spec, 'reproducible'),
    fileName: isInlineOnly ? undefined : (plainName(spec.get('filename')) ?? 'provenance.json'),
  };
}

function checkKeys(type: string, spec: ReadonlyMap<string, string>, known: readonly string[]): void {
  const unknown = [...spec.keys()].find((key) => !['type', 'disabled', ...known].includes(key));
  if (unknown !== undefined)
    throw new UsageError(`${type} has no option ${unknown}: there are ${known.join(', ')}`);
}

function booleanOf(spec: ReadonlyMap<string, string>, key: string): boolean {
  const value = spec.get(key);
  if (value === undefined || /^(false|0)$/i.test(value)) return false;
  if (/^(true|1)?$/i.test(value)) return true;
  throw new UsageError(`${key}=${value}: it is true or false`);
}

function plainName(name: string | undefined): string | undefined {
  if (name !== undefined && (name === '' || name === '.' || name === '..' || name.includes('/')))
    throw new UsageError(`filename=${name}: it is a name without directories`);
  return name;
}
