import type { Challenge } from './challenge.ts';
import type { Trial } from './requirement.ts';

/** What the registry wants. Skips where it wants nothing. */
export async function challenged({ client, skip }: Trial): Promise<Challenge> {
  return (await client.challenge()) ?? skip('an open registry: /v2/ wants no credentials');
}

/** Skips where there are no tokens to ask for. */
export async function bearer(trial: Trial): Promise<Challenge> {
  const challenge = await challenged(trial);
  return challenge.scheme === 'bearer' ? challenge : trial.skip('Basic: there are no tokens');
}
