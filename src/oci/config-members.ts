/** What a member must be where it is there. `null` is as good as nothing: Go programs write it. */
type Kind = Readonly<{ name: string; holds: (value: unknown) => boolean }>;
type Members = Readonly<Record<string, Kind>>;

const TEXT: Kind = { name: 'text', holds: (value) => typeof value === 'string' };
const NUMBER: Kind = { name: 'a number', holds: (value) => typeof value === 'number' };
const BOOLEAN: Kind = { name: 'true or false', holds: (value) => typeof value === 'boolean' };
const OBJECT: Kind = { name: 'an object', holds: isObject };
const LIST: Kind = { name: 'a list of texts', holds: (value) => isListOf(value, TEXT) };
const MAP: Kind = {
  name: 'an object of texts',
  holds: (value) => isObject(value) && Object.values(value).every(TEXT.holds),
};

const IMAGE: Members = {
  created: TEXT,
  author: TEXT,
  architecture: TEXT,
  os: TEXT,
  variant: TEXT,
  'os.version': TEXT,
  'os.features': LIST,
  config: OBJECT,
  rootfs: OBJECT,
  history: { name: 'a list of objects', holds: (value) => isListOf(value, OBJECT) },
};

const CONTAINER: Members = {
  User: TEXT,
  ExposedPorts: OBJECT,
  Env: LIST,
  Entrypoint: LIST,
  Cmd: LIST,
  Volumes: OBJECT,
  WorkingDir: TEXT,
  Labels: MAP,
  StopSignal: TEXT,
  ArgsEscaped: BOOLEAN,
  Healthcheck: OBJECT,
  OnBuild: LIST,
  Shell: LIST,
};

const HEALTHCHECK: Members = {
  Test: LIST,
  Interval: NUMBER,
  Timeout: NUMBER,
  StartPeriod: NUMBER,
  StartInterval: NUMBER,
  Retries: NUMBER,
};

const HISTORY: Members = {
  created: TEXT,
  created_by: TEXT,
  author: TEXT,
  comment: TEXT,
  empty_layer: BOOLEAN,
};

/** @returns what is wrong with the known members of an image's configuration; `undefined` when nothing is. */
export function findWrongMember(image: object): string | undefined {
  const wrong = wrongIn(image, IMAGE, '');
  if (wrong !== undefined) return wrong;
  const { config, history } = image as Checked; // as IMAGE says
  const inConfig = wrongIn(config ?? {}, CONTAINER, 'config.');
  if (inConfig !== undefined) return inConfig;
  return (
    wrongIn(config?.Healthcheck ?? {}, HEALTHCHECK, 'config.Healthcheck.') ??
    (history ?? []).map((entry, i) => wrongIn(entry, HISTORY, `history[${i}].`)).find(Boolean)
  );
}

type Checked = Readonly<{
  config?: Readonly<{ Healthcheck?: object | null }> | null;
  history?: readonly object[] | null;
}>;

function wrongIn(object: object, members: Members, where: string): string | undefined {
  for (const [name, { name: kind, holds }] of Object.entries(members)) {
    const value = (object as Record<string, unknown>)[name];
    if (value !== undefined && value !== null && !holds(value)) return `${where}${name} is not ${kind}`;
  }
  return undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, { holds }: Kind): boolean {
  return Array.isArray(value) && value.every(holds);
}
