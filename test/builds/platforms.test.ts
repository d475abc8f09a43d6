import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../support/run.js';
import { BuildPlace } from './build-place.js';

const resources = new AsyncDisposableStack();
let place: BuildPlace;

beforeAll(async () => {
  place = resources.use(await BuildPlace.create('platforms'));
});
afterAll(() => resources.disposeAsync());

async function built(
  text: string,
  platforms: string,
): Promise<Record<string, { env: string[]; cpu: string }>> {
  const file = place.path('image.tar');
  const context = await place.context({ Dockerfile: text });
  await place.berth('build', '-q', '--platform', platforms, '-o', `type=oci,dest=${file}`, context);
  const read = async (path: string) => JSON.parse(await run(['tar', '-xOf', file, path]));
  const blob = ({ digest }: { digest: string }) => read(`blobs/${digest.replace(':', '/')}`);
  const index = await blob((await read('index.json')).manifests[0]);
  const images: Record<string, { env: string[]; cpu: string }> = {};
  for (const entry of index.manifests) {
    const { os, architecture, variant } = entry.platform;
    const { config, architecture: cpu } = await blob((await blob(entry)).config);
    const name = [os, architecture, variant].filter(Boolean).join('/');
    expect(images).not.toHaveProperty([name]);
    images[name] = { env: config.Env.filter((line: string) => !line.startsWith('PATH=')), cpu };
  }
  return images;
}

describe('an index', () => {
  it('has each platform once, however it is written', async () => {
    const platforms = 'linux/amd64,linux/x86_64,linux/arm64/v8,linux/arm64,aarch64,linux/arm,linux/arm/v7';
    const text = 'FROM scratch\nARG TARGETPLATFORM TARGETVARIANT\nENV FOR=$TARGETPLATFORM V=$TARGETVARIANT\n';
    expect(await built(text, platforms)).toEqual({
      'linux/amd64': { env: ['FOR=linux/amd64', 'V='], cpu: 'amd64' },
      'linux/arm64': { env: ['FOR=linux/arm64', 'V='], cpu: 'arm64' },
      'linux/arm/v7': { env: ['FOR=linux/arm/v7', 'V=v7'], cpu: 'arm' },
    });
  });

  it('has the platforms that were asked for, whatever the stages are for', async () => {
    const text =
      'FROM --platform=$BUILDPLATFORM scratch AS tools\nARG BUILDPLATFORM TARGETARCH\nENV ON=$BUILDPLATFORM FOR=$TARGETARCH\nFROM tools\n';
    const {
      'linux/s390x': first,
      'linux/riscv64': second,
      ...others
    } = await built(text, 'linux/s390x,linux/riscv64');
    expect(others).toEqual({});
    expect(first?.env[1]).toBe('FOR=s390x');
    expect(second?.env[1]).toBe('FOR=riscv64');
    expect(first?.cpu).toBe(second?.cpu);
    expect(first?.env[0]).toBe(`ON=linux/${first?.cpu}`);
  });
});

describe('a command for another machine', () => {
  it('fails with the step, and what would help', async () => {
    const context = await place.context({ Dockerfile: 'FROM scratch AS odd\nRUN ["/x"]\n' });
    const { stderr } = await place.failure('build', '--platform', 'linux/mips64', context);
    expect(stderr).toContain('Dockerfile:2\n');
    expect(stderr).toContain('>>> RUN ["/x"]');
    expect(stderr).toMatch(
      /cannot run a command for linux\/mips64 on linux\/\w+: .* install qemu-user-static/,
    );
  });
});
