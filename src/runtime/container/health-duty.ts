import { closeSync, existsSync, openSync } from 'node:fs';
import { flock, tryFlock } from '../../linux/index.js';

/** Who checks containers: one process at a time, however many engines there are. */
export class HealthDuty implements Disposable {
  readonly #fd: number;

  /** Waits until nobody else has it. @throws the signal's reason. */
  static async take(path: string, signal: AbortSignal): Promise<HealthDuty> {
    const duty = new HealthDuty(openSync(path, 'a', 0o600));
    try {
      await flock(duty.#fd, 'exclusive', { signal });
      return duty;
    } catch (error) {
      duty[Symbol.dispose]();
      throw error;
    }
  }

  /** Whether somebody has it. Who only asks leaves no file, and is not taken for one who has it. */
  static isTaken(path: string): boolean {
    if (!existsSync(path)) return false;
    const fd = openSync(path, 'r');
    try {
      return !tryFlock(fd, 'shared');
    } finally {
      closeSync(fd);
    }
  }

  private constructor(fd: number) {
    this.#fd = fd;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
