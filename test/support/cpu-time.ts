/** Milliseconds of processor time that some work took: unlike the clock it does not run while others have the machine. */
export function cpuTimeOf(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
