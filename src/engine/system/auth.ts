import { UnauthorizedError } from '../../client/index.js';
import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { readJsonBody, textMember } from '../json-body.js';
import { loginIn, registryOf } from '../registry-credentials.js';

/** `docker login`: finds out whether a registry takes a login. Nothing is kept here, the client does that. */
export const auth: Handler = async (engine, { message, answer, signal }) => {
  const body = await readJsonBody(message);
  const credentials = loginIn(body);
  if (credentials === undefined) throw new EngineError(400, 'a user name and a password are needed');
  const registry = registryOf(textMember(body, 'serveraddress'));
  await using client = await engine.openClient({ find: async () => credentials }, signal);
  try {
    const saved = await client.logIn(registry, credentials, { signal });
    const IdentityToken = 'identityToken' in saved ? saved.identityToken : '';
    sendJson(answer, { Status: 'Login Succeeded', IdentityToken });
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    throw new EngineError(401, `${registry} does not take this user name and password`, { cause: error });
  }
};
