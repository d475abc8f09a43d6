import { createHmac } from 'node:crypto';

/** Known to receivers of webhooks: GitHub's are signed so. */
export const SIGNATURE_HEADER = 'X-Hub-Signature-256';

/** @returns `sha256=` and the HMAC-SHA256 of the body as it is sent, in hexadecimal digits. */
export function signatureOf(body: string, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}
