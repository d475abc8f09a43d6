import type { Progress, StepProgress } from '../../builder/index.js';
import { transferLines } from '../images/transfer-lines.js';
import type { JsonStream } from '../json-stream.js';

/**
 * What a build does, in the lines that docker's classic builder writes: `Step 2/4 : RUN make`. Steps that are carried out
 * at the same time are told of as they come.
 */
export class BuildLines implements Progress {
  readonly #stream: JsonStream;
  readonly #isQuiet: boolean;

  /** @param options `quiet`: nothing but the id at the end. */
  constructor(stream: JsonStream, { quiet }: Readonly<{ quiet: boolean }>) {
    this.#stream = stream;
    this.#isQuiet = quiet;
  }

  begin(name: string): StepProgress {
    this.#say(`${stepLine(name)}\n`);
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    const transfers = transferLines(this.#stream, 'pull');
    return {
      output: (stream, chunk) => this.#say(decoders[stream].decode(chunk, { stream: true })),
      status: () => {},
      transfer: (event) => this.#isQuiet || transfers(event),
      cached: () => this.#say(' ---> Using cache\n'),
      done: () => {},
      failed: () => {},
    };
  }

  warn(message: string): void {
    this.#say(`[Warning] ${message}\n`);
  }

  /** The last words: the image, and its names. */
  finish(id: string, names: readonly string[]): void {
    if (this.#isQuiet) this.#stream.write({ stream: `${id}\n` });
    this.#stream.write({ aux: { ID: id } });
    this.#say(`Successfully built ${id.replace(/^sha256:/, '').slice(0, 12)}\n`);
    for (const name of names) this.#say(`Successfully tagged ${name}\n`);
  }

  #say(stream: string): void {
    if (!this.#isQuiet && stream !== '') this.#stream.write({ stream });
  }
}

/** `[build 2/4] RUN make` is `Step 2/4 : RUN make (build)`. */
function stepLine(name: string): string {
  const [, stage, number, text] = /^\[(?:(.*) )?\s*(\d+\/\d+)\] (.*)$/s.exec(name) ?? [];
  if (text === undefined || number === undefined) return name;
  const said = text.replace(/\s*\\?\n\s*/g, ' ');
  return `Step ${number} : ${said}${stage === undefined || stage.trim() === '' ? '' : ` (${stage.trim()})`}`;
}
