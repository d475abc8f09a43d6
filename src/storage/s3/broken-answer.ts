/** The service's answer ended too early, or is none: as if the network had failed, since the next one may be whole. */
export function brokenAnswer(reason: string, code = 'EPROTO'): Error {
  return Object.assign(new Error(`the object store's answer is broken: ${reason}`), { code });
}
