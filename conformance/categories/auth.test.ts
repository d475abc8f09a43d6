import { expect } from 'vitest';
import { parseChallenges } from '../challenge.ts';
import { challenged } from '../challenged.ts';
import { expectStatus } from '../checks.ts';
import { absentDigest } from '../content.ts';
import { category, requirement } from '../requirement.ts';

const NOBODY = `Basic ${Buffer.from(':').toString('base64')}`;
const IMPOSTOR = `Basic ${Buffer.from('nobody-we-know:wrong').toString('base64')}`;

category('auth', () => {
  // Docker, podman and crane choose their scheme here, once, even where anonymous pulls are allowed.
  requirement('C1', 'MUST', 'challenges a caller without credentials at /v2/', async (trial) => {
    await challenged(trial);
    const answer = await trial.client.request('GET', '/v2/', { authorization: 'none' });
    expectStatus(answer, 401);
    const [first] = parseChallenges(answer.headerLines('WWW-Authenticate')[0] ?? '');
    expect(first?.scheme, `${answer}: first challenge`).toMatch(/^(basic|bearer)$/);
  });

  // Simple parsers look for the last "basic" or "bearer" in the header and read only the first header.
  requirement('V16.1', 'SHOULD', 'writes a challenge that simple parsers read', async (trial) => {
    await challenged(trial);
    const answer = await trial.client.request('GET', '/v2/', { authorization: 'none' });
    const header = answer.headerLines('WWW-Authenticate')[0] ?? '';
    expect(header.match(/basic|bearer/gi), `schemes named in ${header}`).toHaveLength(1);
    for (const [, value] of header.matchAll(/\w+=("[^"]*"|[^,]*)/g))
      expect(value, header).toMatch(/^"[^"]+"$/);
  });

  // `docker login` against a registry with passwords.
  requirement('C2.1', 'MUST', 'lets nobody in with a wrong password', async (trial) => {
    const challenge = await challenged(trial);
    const { client } = trial;
    expectStatus(await client.request('GET', '/v2/', { authorization: IMPOSTOR }), 401);
    if (challenge.scheme === 'bearer') expectStatus(await client.requestToken(challenge, '', IMPOSTOR), 401);
  });

  // Some send "no user, no password" rather than nothing.
  requirement('C7g', 'SHOULD', 'takes an empty user and password for nobody', async (trial) => {
    const challenge = await challenged(trial);
    const { client } = trial;
    const [none, empty] = [
      await client.request('GET', '/v2/', { authorization: 'none' }),
      await client.request('GET', '/v2/', { authorization: NOBODY }),
    ];
    expectStatus(empty, none.status);
    if (challenge.scheme !== 'bearer') return;
    const bare = await client.requestToken(challenge, '', 'none');
    expectStatus(await client.requestToken(challenge, '', NOBODY), bare.status);
  });

  requirement('C1.2', 'MUST', 'takes no push from a caller without credentials', async (trial) => {
    await challenged(trial);
    const target = trial.repository();
    const image = await target.prepareImage();
    const options = {
      authorization: 'none',
      headers: { 'Content-Type': image.mediaType },
      body: image.bytes,
    };
    expectStatus(await target.postUpload('', { authorization: 'none' }), 401);
    expectStatus(await target.request('PUT', 'manifests/v1', options), 401);
    expectStatus(
      await target.request('DELETE', `manifests/${absentDigest()}`, { authorization: 'none' }),
      401,
    );
    expectStatus(await target.getManifest('v1'), 404);
  });

  // The 401 has to arrive although the client is still sending its layer.
  requirement('V18', 'SHOULD', 'lets a client read the 401 while it streams a body', async (trial) => {
    await challenged(trial);
    const upload = await trial.repository().startUpload();
    const body = Buffer.alloc(1 << 20, 'x');
    const answer = await trial.client.request('PATCH', upload, {
      authorization: 'none',
      body,
      chunked: true,
    });
    // An upload that carries its own right is fine too.
    expectStatus(answer, 401, 202);
  });
});
