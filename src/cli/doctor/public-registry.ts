import type { RegistryClient, TrustFolders } from '../../client/index.js';
import type { RepositoryName } from '../../oci/index.js';
import type { Check } from './diagnosis.js';
import { apiCheck } from './public-api.js';
import { publicCertificateCheck } from './public-certificate.js';
import { clearTextCheck } from './public-clear-text.js';
import { uploadCheck } from './public-upload.js';

/** A registry as its clients see it: by its public name, through whatever stands before it. */
export type PublicRegistry = Readonly<{
  /** `https://host[:port]`, as people call it. */
  origin: URL;
  /** With the credentials of whoever asks; and as nobody. */
  client: RegistryClient;
  anonymous: RegistryClient;
  trust: TrustFolders;
  /** Whether any certificate is taken. */
  insecure: boolean;
  /** In which an upload is tried. */
  repository: RepositoryName;
  signal: AbortSignal;
}>;

export const PUBLIC_CHECKS: readonly Check<PublicRegistry>[] = [
  publicCertificateCheck,
  apiCheck,
  clearTextCheck,
  uploadCheck,
];
