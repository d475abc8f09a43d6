import type { Deed } from '../registry/events/index.js';
import type { Change } from '../registry/maintenance/index.js';
import type { AuditEntry } from '../registry/operations/index.js';
import type { RepositoryManifests } from '../registry/repositories/index.js';
import { entryOf, type Witnesses } from './witnesses.js';

/** Tells of what the registry copies to itself. @returns `undefined` where nobody wants to know. */
export function ownWitness({
  notifications,
  audit,
}: Pick<Witnesses, 'notifications' | 'audit'>): ((deed: Deed) => Promise<void>) | undefined {
  const notifier = notifications?.notifier;
  if (notifier === undefined && audit === undefined) return undefined;
  return async (deed) => {
    await Promise.all([
      audit?.write([{ at: new Date(), ...entryOf(deed), result: 'done' }]),
      notifier?.tell([deed], undefined),
    ]);
  };
}

/** Tells of what maintenance did. @returns `undefined` where nobody wants to know. */
export function maintenanceWitness(
  { notifications, audit }: Pick<Witnesses, 'notifications' | 'audit'>,
  manifests: RepositoryManifests,
): ((change: Change) => Promise<void>) | undefined {
  const notifier = notifications?.notifier;
  if (notifier === undefined && audit === undefined) return undefined;
  return async (change) => {
    const deeds = notifier ? await deedsOf(change, manifests) : [];
    await Promise.all([audit?.write(changeEntries(change)), notifier?.tell(deeds, undefined)]);
  };
}

function changeEntries(change: Change): AuditEntry[] {
  const at = new Date();
  if (change.kind === 'restore') {
    const { repository, digest, tags } = change;
    const restored = { at, action: 'restore', kind: 'manifest', repository, digest, result: 'done' } as const;
    return tags.length === 0 ? [restored] : tags.map((tag) => ({ ...restored, tag }));
  }
  const { kind } = change;
  return [
    {
      at,
      action: 'collect',
      kind,
      repository: 'repository' in change ? change.repository : undefined,
      tag: 'tag' in change ? change.tag : undefined,
      digest: 'digest' in change ? change.digest : undefined,
      result: 'done',
    },
  ];
}

/** Bytes that nothing named, and links to them, are nobody's business: nobody could pull what they were. */
async function deedsOf(change: Change, manifests: RepositoryManifests): Promise<Deed[]> {
  switch (change.kind) {
    case 'tag':
      return [{ action: 'delete', kind: 'tag', repository: change.repository, tag: change.tag }];
    case 'manifest':
      return [{ action: 'delete', kind: 'manifest', repository: change.repository, digest: change.digest }];
    case 'restore': {
      const { repository, digest, tags } = change;
      const manifest = await manifests.find(repository, { digest });
      if (manifest === undefined) return [];
      const { mediaType, bytes } = manifest;
      const push = { action: 'push', kind: 'manifest', repository, digest, mediaType, bytes } as const;
      return tags.length === 0 ? [push] : tags.map((tag) => ({ ...push, tag }));
    }
    default:
      return [];
  }
}
