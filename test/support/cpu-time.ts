/** Milliseconds of processor time that some work took: unlike the clock it does not run while others have the machine. */
export function cpuTimeOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  return since(before);
}

/** As {@link cpuTimeOf}, with what other threads of this process do meanwhile. */
export async function cpuTimeUntil(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  return since(before);
}

function since(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
