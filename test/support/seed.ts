/**
 * The seed of this run, which repeats an earlier one when BERTH_FAULT_SEED has its number. CI has always the same: what it
 * says of a commit must not depend on luck. Everybody else looks further with each run.
 */
export function seedOfRun(): number {
  const given = process.env.BERTH_FAULT_SEED ?? (process.env.CI ? '1' : undefined);
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}
