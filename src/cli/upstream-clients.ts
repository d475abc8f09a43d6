import manifest from '../../package.json' with { type: 'json' };
import {
  CredentialHelper,
  type CredentialSource,
  fixedCredentials,
  RegistryClient,
  type TrustFolders,
} from '../client/index.js';
import type { Config } from '../registry/config/index.js';

/** How the configuration says that another registry is reached. */
export type Login = Readonly<{
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  exec?: Config['proxy']['exec'];
}>;

/** Enough to get over a restart; whoever waits longer asks again himself. */
const RETRIES = 3;
const MAX_RETRY_AFTER_MS = 2000;

/** A client for each registry, so that none is ever shown the credentials for another. */
export class RegistryClients implements AsyncDisposable {
  readonly #trust: TrustFolders;
  readonly #open: RegistryClient[] = [];

  constructor(trust: TrustFolders) {
    this.#trust = trust;
  }

  /** @returns what gives the client; another one once its credentials are too old. */
  opener(url: URL, place: Login): () => RegistryClient {
    const credentials = credentialsOf(place);
    const lifetime = place.exec?.lifetime ?? Number.POSITIVE_INFINITY;
    let current: { client: RegistryClient; until: number } | undefined;
    return () => {
      if (current === undefined || performance.now() >= current.until)
        current = { client: this.#make(url, credentials), until: performance.now() + lifetime };
      return current.client;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#open.map((client) => client[Symbol.asyncDispose]()));
  }

  #make({ protocol }: URL, credentials: CredentialSource): RegistryClient {
    const client = new RegistryClient({
      credentials,
      trust: this.#trust,
      plainHttp: () => protocol === 'http:',
      proxyEnv: process.env,
      userAgent: `berth/${manifest.version}`,
      retries: RETRIES,
      maxRetryAfterMs: MAX_RETRY_AFTER_MS,
    });
    this.#open.push(client);
    return client;
  }
}

function credentialsOf({ url, username: user, password, exec }: Login): CredentialSource {
  if (exec?.command) {
    const helper = new CredentialHelper(exec.command.replace(/^docker-credential-/, ''), process.env);
    return { find: () => helper.get(url) };
  }
  return user && password ? fixedCredentials({ user, password }) : { find: async () => undefined };
}
