/**
 * HTTPS with certificates from files: what Node needs to serve with them, and a watch that hands over new ones while
 * the server runs. Getting certificates is not done here. Start with material.ts.
 */
export { CLIENT_AUTH, type ClientAuth, refuseClients } from './client-auth.js';
export { type LoadedTls, loadTls, type TlsFiles, type TlsOptions } from './material.js';
export { type TlsLog, type TlsWatch, watchTls } from './watch.js';
