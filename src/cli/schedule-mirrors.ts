import type { Logger } from '../registry/logger.js';
import type { Mirrors } from './mirrors.js';
import { repeat } from './schedule.js';

/** Once the start is over. */
const FIRST_MS = 5000;

/** Runs each mirror in its interval until `signal`. */
export async function scheduleMirrors(mirrors: Mirrors, log: Logger, signal: AbortSignal): Promise<void> {
  const scheduled = mirrors.rules.filter(({ interval }) => interval > 0);
  await Promise.all(
    scheduled.map(({ name, interval }) =>
      repeat({ first: Math.min(FIRST_MS, interval), interval }, signal, async () => {
        try {
          await mirrors.run([name], signal);
        } catch (error) {
          if (!signal.aborted) log.error({ error, mirror: name }, 'mirror failed');
        }
      }),
    ),
  );
}
