/** Names that all mean Docker Hub; the first is docker's own key, also for helpers. */
const DOCKER_HUB_KEYS = [
  'https://index.docker.io/v1/',
  'docker.io',
  'index.docker.io',
  'registry-1.docker.io',
];

/** Under which names credentials for parts of a registry that hold the repository may be kept, the closest first. */
export function namespaceKeys(registry: string, repository?: string): string[] {
  const parts = repository?.split('/') ?? [];
  return parts.map((_, i) => `${registry}/${parts.slice(0, parts.length - i).join('/')}`);
}

/** Whether a name is that of a part: podman and skopeo know those, docker and helpers do not. */
export function isNamespaceKey(key: string): boolean {
  return key.includes('/');
}

/** Under which names credentials for a whole registry may be kept. */
export function registryKeys(registry: string): string[] {
  return registry === 'docker.io' ? DOCKER_HUB_KEYS.map(plainKey) : [registry];
}

/** How credential helpers know a registry: docker asks them by the bare host, but for its own. */
export function helperServer(registry: string): string {
  return registry === 'docker.io' ? (DOCKER_HUB_KEYS[0] ?? registry) : registry;
}

/** Old versions of docker kept URLs: `https://reg.example/v1/` is `reg.example`. */
export function plainKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/?$/, '');
}
