import { stripVTControlCharacters } from 'node:util';
import type { StepProgress } from '../builder/index.js';
import { type BuildProgress, oneLine, PausableWriter } from './build-progress.js';
import { printable } from './printable.js';
import { TransferBars } from './transfer-bars.js';

type Screen = Readonly<{ write(text: string): unknown; columns?: number; rows?: number }>;
type Running = {
  readonly name: string;
  readonly started: number;
  status: string;
  readonly lines: string[];
  readonly bars: TransferBars;
};

const REDRAW_MS = 100;
const LINES_OF_OUTPUT = 6;
/** While these hold, a line that is wider than the terminal is cut by it: wide letters are hard to count. */
const [NO_WRAP, WRAP] = ['\x1b[?7l', '\x1b[?7h'];

/** Finished steps stay as lines; those that run are drawn below them again and again, with their last output. */
export class TerminalBuildProgress implements BuildProgress {
  readonly #screen: Screen;
  readonly #writer: PausableWriter;
  readonly #running = new Set<Running>();
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;

  constructor(screen: Screen) {
    this.#screen = screen;
    this.#writer = new PausableWriter(screen);
    this.#timer = setInterval(() => this.#draw(), REDRAW_MS);
    this.#timer.unref();
  }

  begin(name: string): StepProgress {
    const bars = new TransferBars();
    const step: Running = { name: oneLine(name), started: performance.now(), status: '', lines: [], bars };
    this.#running.add(step);
    const end = (mark: string, text: string) => {
      this.#running.delete(step);
      this.#print(`${mark} ${step.name} ${text}`);
    };
    return {
      output: (_stream, chunk) => this.#keep(step, Buffer.from(chunk).toString('utf8')),
      status: (text) => {
        step.status = text;
      },
      transfer: (event) => bars.tell(event),
      cached: () => end('\x1b[34m=>\x1b[0m \x1b[34mCACHED\x1b[0m', ''),
      done: () => end('\x1b[34m=>\x1b[0m', seconds(step)),
      failed: () => end('\x1b[31m=>\x1b[0m \x1b[31mERROR\x1b[0m', seconds(step)),
    };
  }

  warn(message: string): void {
    this.#print(`\x1b[33mwarning:\x1b[0m ${printable(message)}`);
  }

  pause(): Disposable {
    this.#erase();
    return this.#writer.pause();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#erase();
    this.#running.clear();
  }

  #keep(step: Running, text: string): void {
    const lines = stripVTControlCharacters(text)
      .split(/\r?\n/)
      .map(plain)
      .filter((line) => line.trim() !== '');
    step.lines.push(...lines);
    step.lines.splice(0, Math.max(0, step.lines.length - LINES_OF_OUTPUT));
  }

  #print(line: string): void {
    this.#erase();
    this.#writer.write(`${line}\n`);
    this.#draw();
  }

  #draw(): void {
    if (this.#writer.isPaused) return;
    this.#erase();
    const width = (this.#screen.columns ?? 80) - 1;
    const height = Math.max(1, (this.#screen.rows ?? 24) - 2);
    const lines = [...this.#running].flatMap((step) => [
      `=> ${step.name} ${step.status === '' ? '' : `${step.status} `}${seconds(step)}`,
      ...[...step.lines, ...step.bars.lines()].map((line) => `=> => ${line}`),
    ]);
    const shown = lines.slice(-height).map((line) => line.slice(0, width));
    this.#writer.write(`${NO_WRAP}${shown.map((line) => `${line}\n`).join('')}${WRAP}`);
    this.#drawn = shown.length;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#writer.write(`\x1b[${this.#drawn}A\x1b[0J`);
    this.#drawn = 0;
  }
}

/** What is written over itself shows its last state; a tab, or half a sequence, would move the rest. */
function plain(line: string): string {
  const last = line.split('\r').findLast((part) => part.trim() !== '') ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return last.replaceAll('\t', '  ').replace(/[\x00-\x1f\x7f-\x9f]/g, '');
}

function seconds({ started }: Running): string {
  return `${((performance.now() - started) / 1000).toFixed(1)}s`;
}
