import { closeSync, openSync, readSync } from 'node:fs';

/** The first line: `cpu`, and what the time of all processors together went to since the start. proc_stat(5). */
const STAT = '/proc/stat';
const LINE_BYTES = 256;

/**
 * What share of their time the processors of this machine had nothing to do. To wait for a disk is not nothing: whoever makes
 * something durable meanwhile waits for it, too.
 */
export class IdleProcessors {
  readonly #stat: string;
  #last: Times | undefined;

  /** @param stat where they are counted. */
  constructor(stat = STAT) {
    this.#stat = stat;
    this.#last = readTimes(stat);
  }

  /** Since it was asked before: from 0 to 1. `undefined` where nobody knows, or no time has passed. */
  share(): number | undefined {
    const now = readTimes(this.#stat);
    const last = this.#last;
    this.#last = now;
    if (now === undefined || last === undefined || now.all <= last.all) return undefined;
    return Math.max(0, now.idle - last.idle) / (now.all - last.all);
  }
}

type Times = Readonly<{ idle: number; all: number }>;

function readTimes(stat: string): Times | undefined {
  try {
    const file = openSync(stat, 'r');
    try {
      const line = Buffer.alloc(LINE_BYTES);
      readSync(file, line);
      const [first = ''] = line.toString('latin1').split('\n', 1);
      // What guests got is in the time of users already.
      const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = first
        .split(/ +/)
        .slice(1)
        .map(Number);
      return { idle, all: user + nice + system + idle + wait + irq + soft + stolen };
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined; // no Linux, or hidden
  }
}
