import { closeSync, openSync, readSync } from 'node:fs';

/** The first line: `cpu`, and what the time of all processors together went to since the start. proc_stat(5). */
const STAT = '/proc/stat';
const LINE_BYTES = 256;

/** What share of their time the processors of this machine had nothing to do. */
export class IdleProcessors {
  #last: Times | undefined = readTimes();

  /** Since it was asked before: from 0 to 1. `undefined` where nobody knows, or no time has passed. */
  share(): number | undefined {
    const now = readTimes();
    const last = this.#last;
    this.#last = now;
    if (now === undefined || last === undefined || now.all <= last.all) return undefined;
    return Math.max(0, now.idle - last.idle) / (now.all - last.all);
  }
}

type Times = Readonly<{ idle: number; all: number }>;

function readTimes(): Times | undefined {
  try {
    const file = openSync(STAT, 'r');
    try {
      const line = Buffer.alloc(LINE_BYTES);
      readSync(file, line);
      const [first = ''] = line.toString('latin1').split('\n', 1);
      // What guests got is in the time of users already.
      const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, stolen = 0] = first
        .split(/ +/)
        .slice(1)
        .map(Number);
      return { idle: idle + wait, all: user + nice + system + idle + wait + irq + soft + stolen };
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined; // no Linux, or hidden
  }
}
