/**
 * What is done to a whole registry now and then, by itself or because somebody asked for it: one thing at a time, in the
 * process that has the files. Start with maintenance.ts.
 */
export { logFailure } from './failure.js';
export { type JobOutcome, JobRunner } from './job-runner.js';
export { type Change, Maintenance, type MirrorOutcome, type Outcome, type Task } from './maintenance.js';
