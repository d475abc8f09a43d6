import type { Logger } from '../logger.js';
import { AppendedFile } from './appended-file.js';
import { describeError } from './log-fields.js';
import { escapeInvisible } from './log-text.js';
import { openOutput } from './output.js';

/** Something that was done, or that somebody was refused. Holds no credentials. */
export type AuditEntry = Readonly<{
  at: Date;
  /** `push`, `mount`, `delete`, `restore`, `collect`; of a refusal what was asked for, `pull` or `login` too. */
  action: string;
  /** What it was done to: `manifest`, `blob`, `tag`; of a refusal the name of the route. */
  kind: string;
  repository?: string | undefined;
  tag?: string | undefined;
  digest?: string | undefined;
  /** Of a mount. */
  from?: string | undefined;
  /** `undefined`: nobody logged in, or the registry did it by itself. */
  actor?: string | undefined;
  /** Address of the client; `undefined` for what no client asked for. */
  client?: string | undefined;
  /** Id of the request. */
  request?: string | undefined;
}> &
  (
    | Readonly<{ result: 'done' }>
    | Readonly<{
        result: 'refused';
        status: number;
        reason: string;
        /** Whose credentials were refused. */
        user?: string | undefined;
        method: string;
      }>
  );

const MAX_CHARACTERS = 1000;
const FILES = new Map([
  ['stdout', 1],
  ['stderr', 2],
]);

/** One line of JSON for each entry. */
export class AuditLog implements AsyncDisposable {
  readonly #file: AppendedFile | undefined;
  readonly #write: (line: string) => Promise<boolean>;
  readonly #log: Logger;
  #failing = false;

  private constructor(
    file: AppendedFile | undefined,
    write: (line: string) => Promise<boolean>,
    log: Logger,
  ) {
    this.#file = file;
    this.#write = write;
    this.#log = log;
  }

  /** @param path of a file, or `stdout` or `stderr`. @throws when it cannot be written. */
  static async open(path: string, log: Logger): Promise<AuditLog> {
    const fd = FILES.get(path);
    if (fd === undefined) {
      const file = await AppendedFile.open(path);
      return new AuditLog(file, (line) => file.write(line), log);
    }
    const output = openOutput(fd, { buffered: false });
    return new AuditLog(undefined, async (line) => output.write(line) !== false, log);
  }

  /** Why lines do not get into the file, if so. */
  get problem(): string | undefined {
    const problem = this.#file?.problem;
    return problem === undefined ? undefined : describeError(problem);
  }

  /** Resolves once the lines are written, though perhaps not yet on the disk; what fails is logged, and tried again. */
  async write(entries: readonly AuditEntry[]): Promise<void> {
    for (const entry of entries) {
      const isKept = await this.#write(formatEntry(entry));
      if (!isKept) this.#log.error({ ...entry }, 'a line of the audit log is lost');
    }
    const { problem } = this;
    if (problem !== undefined && !this.#failing)
      this.#log.error({ reason: problem }, 'the audit log cannot be written');
    this.#failing = problem !== undefined;
  }

  /** Somebody has moved the file away. */
  reopen(): void {
    this.#file?.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file?.[Symbol.asyncDispose]();
  }
}

function formatEntry({ at, ...entry }: AuditEntry): string {
  const cut = (_key: string, value: unknown) =>
    typeof value === 'string' && value.length > MAX_CHARACTERS ? `${value.slice(0, MAX_CHARACTERS)}…` : value;
  return `${escapeInvisible(JSON.stringify({ time: at.toISOString(), ...entry }, cut))}\n`;
}
