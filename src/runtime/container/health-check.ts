import type { ChildProcess } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { execInContainer } from './container-exec.js';
import type { ContainerHost } from './container-host.js';
import { processesOf } from './container-processes.js';
import type { ContainerRecord } from './container-record.js';
import { endSession } from './exec-session.js';
import type { HealthPlan, HealthResult } from './health.js';

/** Of what a check prints. */
const MAX_OUTPUT_BYTES = 4096;
const NOT_RUN = -1;

/**
 * Checks once whether a container is well. What takes too long is killed, with what it has started.
 * @throws the signal's reason; then nothing of the check runs any more.
 */
export async function checkHealth(
  host: ContainerHost,
  { id }: ContainerRecord,
  { args, timeout }: HealthPlan,
  signal: AbortSignal,
): Promise<HealthResult> {
  const Start = new Date().toISOString();
  const tooLate = AbortSignal.timeout(timeout);
  const output = new OutputHead();
  const end = (ExitCode: number, Output: string) => ({
    Start,
    End: new Date().toISOString(),
    ExitCode,
    Output,
  });
  try {
    const pidFile = host.folder(id).file('health.pid');
    const code = await execInContainer(host, id, {
      ...{ args, env: [], user: '', cwd: '', privileged: false },
      stdio: ['ignore', 'pipe', 'pipe'],
      onSpawned: (child) => output.read(child),
      pidFile,
      signal: AbortSignal.any([signal, tooLate]),
    });
    return end(code ?? NOT_RUN, output.text);
  } catch (error) {
    signal.throwIfAborted();
    if (!tooLate.aborted) return end(NOT_RUN, (error as Error).message.slice(0, MAX_OUTPUT_BYTES));
    const said = output.text === '' ? '' : `: ${output.text}`;
    return end(
      NOT_RUN,
      `Health check exceeded timeout (${timeout / 1000}s)${said}`.slice(0, MAX_OUTPUT_BYTES),
    );
  }
}

/** Ends a check that its process was killed in the middle of. */
export async function endLeftCheck(host: ContainerHost, id: string): Promise<void> {
  const pidFile = host.folder(id).file('health.pid');
  const control = await host.control();
  try {
    const leader = Number(readFileSync(pidFile, 'utf8'));
    const record = await host.running(id);
    if (leader > 1) await endSession(leader, () => processesOf(record, control));
    rmSync(pidFile, { force: true });
  } catch {
    // there was none
  }
}

/** The beginning of what a process prints, on both of its outputs; what follows is read and forgotten. */
class OutputHead {
  #bytes = Buffer.alloc(0);

  read({ stdout, stderr }: ChildProcess): void {
    for (const output of [stdout, stderr]) {
      output?.on('data', (chunk: Buffer) => {
        if (this.#bytes.length < MAX_OUTPUT_BYTES)
          this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(0, MAX_OUTPUT_BYTES);
      });
    }
  }

  get text(): string {
    return this.#bytes.toString();
  }
}
