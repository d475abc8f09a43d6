type Stream = 'stdout' | 'stderr';

const MAX_LINES = 50;
const MAX_LINE_BYTES = 16 * 1024;
/** Shorter secrets would hide half of what is said. */
const MIN_SECRET_BYTES = 4;
const MASK = '****';

/** What a command says: passed on in whole lines, secrets masked, and its end kept for the message of a failure. */
export class OutputTail {
  /** Lines of secrets, the longest first: one may be a part of another. */
  readonly #secrets: readonly string[];
  readonly #rest: Record<Stream, string> = { stdout: '', stderr: '' };
  readonly #lines: string[] = [];

  constructor(secrets: readonly Buffer[]) {
    const lines = secrets.flatMap((secret) => secret.toString('latin1').split(/[\r\n]+/));
    this.#secrets = [...new Set(lines.map((line) => line.trim()))]
      .filter((line) => line.length >= MIN_SECRET_BYTES)
      .sort((a, b) => b.length - a.length);
  }

  /** @returns what may be shown now. */
  add(stream: Stream, chunk: Uint8Array): Buffer[] {
    const text =
      this.#rest[stream] + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString('latin1');
    const lines = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1;
    const end = text.length - lines > MAX_LINE_BYTES ? Math.max(lines, this.#betweenSecrets(text)) : lines;
    this.#rest[stream] = text.slice(end);
    return end === 0 ? [] : [this.#show(text.slice(0, end))];
  }

  /** @returns a last line that was not ended. */
  end(stream: Stream): Buffer[] {
    const text = this.#rest[stream];
    this.#rest[stream] = '';
    return text === '' ? [] : [this.#show(text)];
  }

  /** The last lines. */
  text(): string {
    return Buffer.from(this.#lines.join('\n'), 'latin1').toString('utf8');
  }

  /** As far as a line without end may be shown: no secret is cut in two, nor one that has only begun. */
  #betweenSecrets(text: string): number {
    let end = text.length - Math.max(0, (this.#secrets[0]?.length ?? 0) - 1);
    for (;;) {
      const cut = this.#secrets.map((secret) => text.indexOf(secret, end - secret.length + 1));
      const first = Math.min(end, ...cut.filter((start) => start >= 0));
      if (first === end) return end;
      end = first;
    }
  }

  #show(text: string): Buffer {
    const shown = this.#secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text);
    this.#lines.push(...shown.replace(/\n$/, '').split('\n'));
    if (this.#lines.length > MAX_LINES) this.#lines.splice(0, this.#lines.length - MAX_LINES);
    return Buffer.from(shown, 'latin1');
  }
}
