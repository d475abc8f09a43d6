export { collectGarbage } from './collect-garbage.js';
export { noteReceived } from './received-bytes.js';
