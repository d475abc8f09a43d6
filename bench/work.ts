/** When each image was whole, in milliseconds since 1970, and how long its push took. */
export type PushedImage = Readonly<{ at: number; milliseconds: number }>;

/** What the client process did, and what that cost it. `seconds` by the clock, `cpuSeconds` of the client itself. */
export type Work = Readonly<{
  seconds: number;
  cpuSeconds: number;
  bytes: number;
  requests: number;
  digests: readonly string[];
  images?: readonly PushedImage[];
}>;

/** Times something together with the client's own processor time, which shows whether the client was the limit. */
export async function timed(
  work: () => Promise<unknown>,
): Promise<Readonly<{ seconds: number; cpuSeconds: number }>> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  await work();
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}
