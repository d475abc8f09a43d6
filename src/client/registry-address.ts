/** Hosts that answer for registries of another name. */
const API_HOSTS: Readonly<Record<string, string>> = {
  'docker.io': 'registry-1.docker.io',
  'index.docker.io': 'registry-1.docker.io',
};

/** Where the API of a registry stands, as `host[:port]`. */
export function apiHost(registry: string): string {
  return API_HOSTS[registry] ?? registry;
}

/** This machine itself: 127.0.0.0/8, ::1, localhost. Docker asks there without trust, and by plain http too. */
export function isLoopback(registry: string): boolean {
  const host = hostOf(registry);
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    /^127(\.\d{1,3}){3}$/.test(host)
  );
}

/** In the order to try them. */
export function originsOf(registry: string, options: { plainHttp: boolean; insecure: boolean }): URL[] {
  const host = apiHost(registry);
  if (options.plainHttp) return [new URL(`http://${host}`)];
  const secure = new URL(`https://${host}`);
  return options.insecure || isLoopback(registry) ? [secure, new URL(`http://${host}`)] : [secure];
}

function hostOf(registry: string): string {
  return registry.replace(/:\d+$/, '').toLowerCase();
}
