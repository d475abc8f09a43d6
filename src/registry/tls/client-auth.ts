import type { Server, TLSSocket } from 'node:tls';

export const CLIENT_AUTH = [
  'request-client-cert',
  'require-any-client-cert',
  'verify-client-cert-if-given',
  'require-and-verify-client-cert',
] as const;

/** What is asked of clients, in the words of the reference registry's `http.tls.clientauth`. */
export type ClientAuth = (typeof CLIENT_AUTH)[number];

/** The part that Node does in the handshake; {@link refuseClients} does the rest. */
export function clientAuthOptions(mode: ClientAuth | undefined) {
  return { requestCert: mode !== undefined, rejectUnauthorized: mode === 'require-and-verify-client-cert' };
}

/**
 * Closes connections whose client certificate is not what `mode` asks for, before any request on them is read.
 * Node itself only knows to verify always or never.
 */
export function refuseClients(server: Server, mode: ClientAuth | undefined): void {
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    if (!isWelcome(socket, mode)) socket.destroy();
  });
}

function isWelcome(socket: TLSSocket, mode: ClientAuth | undefined): boolean {
  const given = socket.getPeerX509Certificate() !== undefined;
  switch (mode) {
    case undefined:
    case 'request-client-cert':
      return true;
    case 'require-any-client-cert':
      return given;
    case 'verify-client-cert-if-given':
      return !given || socket.authorized;
    case 'require-and-verify-client-cert':
      return given && socket.authorized;
  }
}
