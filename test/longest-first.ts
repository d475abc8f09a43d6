import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than 20 seconds on two cores; the others are short enough to fill what is left at the end. */
const LONGEST = [
  'builds/differential',
  'faults/kill',
  'faults/containers',
  'server/conformance',
  'clients/docker',
  'clients/images',
  'faults/workers',
  'clients/s3',
  'server/s3',
  'builds/project',
  'server/s3-driver',
  'builds/build',
  'builds/contexts',
  'server/serve',
  'clients/podman',
  'builds/run-faults',
  'builds/outputs',
  'faults/index-loss',
  'containers/life',
  'containers/scenario',
  'containers/hundred',
  'containers/engine-containers',
  'containers/networks',
  'containers/files',
  'containers/network-command',
  'containers/watching',
  'containers/monitor',
  'containers/rootless',
  'containers/hostile-images',
  'clients/known-flags',
].map((name) => `/test/${name}.test.ts`);

/**
 * Starts the longest files first, so that none of them runs by itself in the end. A clean checkout knows no times, and
 * vitest would go by the sizes of files there, which say nothing.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const others = await super.sort(files);
    return others.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const at = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return at < 0 ? LONGEST.length : at;
}
