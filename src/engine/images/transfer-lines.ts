import type { OnTransfer, TransferEvent } from '../../image/index.js';
import type { JsonStream } from '../json-stream.js';

/** As often as people can see. */
const EVERY_MS = 100;

type Words = Readonly<{ begin: string; bytes: string; sent: readonly string[]; present: string }>;

const WORDS: Readonly<Record<'pull' | 'push', Words>> = {
  pull: {
    begin: 'Pulling fs layer',
    bytes: 'Downloading',
    sent: ['Download complete', 'Pull complete'],
    present: 'Already exists',
  },
  push: { begin: 'Preparing', bytes: 'Pushing', sent: ['Pushed'], present: 'Layer already exists' },
};

type Layer = { current: number; toldAt: number; compressed: number };

/** The lines that a client draws its bars by, one for each layer. */
export function transferLines(stream: JsonStream, direction: 'pull' | 'push'): OnTransfer {
  const words = WORDS[direction];
  const layers = new Map<string, Layer>();
  const layerOf = (digest: string) => {
    const known = layers.get(digest) ?? { current: 0, toldAt: 0, compressed: 0 };
    layers.set(digest, known);
    return known;
  };
  const say = (digest: string, status: string, progressDetail: object = {}) =>
    stream.write({ status, progressDetail, id: shortId(digest) });
  const advance = (event: Extract<TransferEvent, { bytes: number }>) => {
    const { digest, size } = event.descriptor;
    const layer = layerOf(digest);
    const member = event.kind === 'bytes' ? 'current' : 'compressed';
    layer[member] += event.bytes;
    const now = performance.now();
    if (now - layer.toldAt < EVERY_MS || stream.isFull) return;
    layer.toldAt = now;
    const status = event.kind === 'bytes' ? words.bytes : 'Compressing';
    say(digest, status, { current: layer[member], total: size });
  };
  return (event) => {
    const { mediaType, digest } = event.descriptor;
    if (!isLayer(mediaType)) return;
    if (event.kind === 'begin') say(digest, words.begin);
    else if (event.kind !== 'end') advance(event);
    else for (const status of endWords(event.outcome, words)) say(digest, status);
  };
}

function endWords(
  outcome: Extract<TransferEvent, { kind: 'end' }>['outcome'],
  words: Words,
): readonly string[] {
  if (outcome === 'present') return [words.present];
  return outcome === 'mounted' ? ['Mounted from another repository'] : words.sent;
}

function isLayer(mediaType: string): boolean {
  return /\.(?:layer|rootfs\.)/.test(mediaType);
}

function shortId(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}
