/** `--ip` and `--ip6`, as docker's EndpointSettings have them; nothing if neither is given. */
export function askedAddresses({ ip, ip6 }: Readonly<{ ip?: string; ip6?: string }>) {
  if (ip === undefined && ip6 === undefined) return {};
  return { IPAMConfig: { ...(ip && { IPv4Address: ip }), ...(ip6 && { IPv6Address: ip6 }) } };
}
