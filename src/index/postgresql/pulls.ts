import type { Pull } from '../metadata-index.js';
import type { Session } from './database.js';

/** Notes when repositories, tags and manifests were pulled last. */
export async function recordPulls(session: Session, pulls: readonly Pull[]): Promise<void> {
  const repositories = pulls.map(({ repository }) => repository);
  const times = pulls.map(({ at }) => at.getTime());
  const tags = pulls.map(({ key }) => ('tag' in key ? key.tag : null));
  const digests = pulls.map(({ key }) => ('digest' in key ? key.digest : null));
  // In one order for all, so that nobody waits for one who waits for him.
  await session.column(
    'SELECT id FROM repositories WHERE name = ANY ($1) ORDER BY name FOR NO KEY UPDATE',
    repositories,
  );
  await session.run(
    `UPDATE repositories r SET pulled_at = greatest(r.pulled_at, p.at)
     FROM (SELECT name, max(at) AS at FROM unnest($1::text[], $2::bigint[]) AS given(name, at) GROUP BY name) p
     WHERE r.name = p.name`,
    repositories,
    times,
  );
  await session.run(
    `WITH pulled AS (
       SELECT r.id, given.tag, given.digest, given.at FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
         AS given(name, at, tag, digest) JOIN repositories r ON r.name = given.name),
     tagged AS (
       UPDATE tags t SET pulled_at = greatest(t.pulled_at, p.at)
       FROM (SELECT id, tag, max(at) AS at FROM pulled WHERE tag IS NOT NULL GROUP BY id, tag) p
       WHERE t.repository_id = p.id AND t.name = p.tag)
     UPDATE manifests m SET pulled_at = greatest(m.pulled_at, p.at)
     FROM (SELECT p.id, coalesce(p.digest, t.digest) AS digest, max(p.at) AS at FROM pulled p
       LEFT JOIN tags t ON t.repository_id = p.id AND t.name = p.tag GROUP BY 1, 2) p
     WHERE m.repository_id = p.id AND m.digest = p.digest`,
    repositories,
    times,
    tags,
    digests,
  );
}
