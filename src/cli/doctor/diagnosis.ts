/** `error`: something does not work, or will not. `warning`: it works, until it does not. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note';

/** What was found, what that leads to, and what to do about it. In one line each, for people. */
export type Diagnosis = Readonly<{ severity: Severity; found: string; means: string; remedy: string }>;

/** Looks at one thing and changes nothing. @returns nothing where all is well. */
export type Check<Subject> = Readonly<{ name: string; run: (subject: Subject) => Promise<Diagnosis[]> }>;

/** `check` is its name. */
export type CheckedDiagnosis = Diagnosis & Readonly<{ check: string }>;

/** One after the other; a check that fails is an error itself. */
export async function runChecks<Subject>(
  checks: readonly Check<Subject>[],
  subject: Subject,
): Promise<CheckedDiagnosis[]> {
  const all: CheckedDiagnosis[] = [];
  for (const { name, run } of checks) {
    const found = await run(subject).catch((error: unknown) => [failed(error)]);
    all.push(...found.map((diagnosis) => ({ check: name, ...diagnosis })));
  }
  return all;
}

function failed(error: unknown): Diagnosis {
  const reason = error instanceof Error ? error.message : String(error);
  return {
    severity: 'error',
    found: `the check failed: ${reason}`,
    means: 'nothing is known of it',
    remedy: 'see to the reason, then ask again',
  };
}
