/** How somebody proves who they are to a registry. */
export type Credentials =
  | Readonly<{ user: string; password: string }>
  /** A refresh token: it is exchanged for tokens, and replaces the password. */
  | Readonly<{ identityToken: string; account?: string }>
  /** A token that the registry takes as it is. */
  | Readonly<{ registryToken: string }>;

/** Where the client looks for credentials when a registry asks for them. */
export interface CredentialSource {
  /** @returns `undefined` when there are none: the registry is then asked as nobody. */
  find(registry: string, repository?: string): Promise<Credentials | undefined>;
}

/** The same credentials for every registry, as `--creds user:password` gives them. */
export function fixedCredentials(credentials: Credentials): CredentialSource {
  return { find: async () => credentials };
}

/** For messages; never the secret. */
export function describeCredentials(credentials: Credentials | undefined): string {
  if (credentials === undefined) return 'nobody';
  if ('user' in credentials) return credentials.user;
  return ('identityToken' in credentials && credentials.account) || 'the holder of the saved token';
}
