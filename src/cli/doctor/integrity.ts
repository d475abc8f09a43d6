import { Quarantine } from '../../content/index.js';
import { VerificationLog } from '../../registry/verify/index.js';
import { readableSize } from '../readable-size.js';
import { timeCell } from '../text-table.js';
import type { Check, Diagnosis } from './diagnosis.js';
import type { Machine } from './machine.js';

/** What `berth verify` found when it was there last. */
export const integrityCheck: Check<Machine> = {
  name: 'integrity',
  run: async ({ opened }) => {
    if (opened === undefined) return [];
    const { driver, store } = opened;
    const all: Diagnosis[] = [];
    const last = await new VerificationLog(driver).last();
    if (last === undefined)
      all.push({
        severity: 'note',
        found: 'nobody has ever read all that is stored',
        means: 'what a disk damages is noticed by who pulls it',
        remedy: 'berth verify, or by itself: berth.verify.enabled',
      });
    else if (last.remaining > 0)
      all.push({
        severity: 'error',
        found: `at ${timeCell(last.finishedAt)}, ${last.remaining} things were damaged or missing`,
        means: 'some images cannot be pulled',
        remedy: 'berth verify --status names them; berth verify --from another registry repairs them',
      });
    const aside = await Array.fromAsync(new Quarantine(driver, store.blobs).list());
    if (aside.length > 0)
      all.push({
        severity: 'note',
        found: `${aside.length} damaged files (${readableSize(aside.reduce((sum, { size }) => sum + size, 0))}) are kept in berth/quarantine`,
        means: 'they take space and are of use to nobody but who wants to know what happened to them',
        remedy: 'look at the disk; then remove them',
      });
    return all;
  },
};
