/** Members that are maps for docker, whatever their keys look like; the others are told by their keys. */
const MAPS: ReadonlySet<string> = new Set(
  (
    'Annotations Containers Data DriverOpts ExposedPorts Labels Networks Options PortBindings Ports StorageOpt Sysctls ' +
    'Tmpfs Volumes'
  ).split(' '),
);
/** Members that are lists for docker, where they are null. */
const LISTS: ReadonlySet<string> = new Set(
  'Aliases Cmd DNSNames Entrypoint Env ExecIDs Links OnBuild'.split(' '),
);
/** The name of a field of a struct, as Go shows fields to others. */
const FIELD = /^[A-Z][A-Za-z0-9]*$/;

/**
 * As Go prints a value of docker's (package fmt, `%v`): structs by their fields in `{}`, maps by their keys in order.
 * @param name of the member that it is the value of, as it says what JSON does not: what an object or null is for docker.
 */
export function show(value: unknown, name?: string): string {
  if (value === undefined) return '<no value>';
  if (value === null) return nothing(name);
  if (Array.isArray(value)) return `[${value.map((item) => show(item)).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const members = Object.entries(value);
  if (!isMap(Object.keys(value), name))
    return `{${members.map(([key, member]) => show(member, key)).join(' ')}}`;
  members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([key, member]) => `${key}:${show(member)}`).join(' ')}]`;
}

function nothing(name = ''): string {
  if (MAPS.has(name)) return 'map[]';
  return LISTS.has(name) ? '[]' : '<nil>';
}

/** Only structs without fields, which say that a key is there, have neither members nor a name. */
function isMap(keys: readonly string[], name: string | undefined): boolean {
  if (keys.length === 0) return name !== undefined;
  return MAPS.has(name ?? '') || !keys.every((key) => FIELD.test(key));
}
