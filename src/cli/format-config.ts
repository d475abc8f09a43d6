import { Template, unescaped } from './format-template.js';

/** What Go's programs call the members of a configuration, and so their templates. image-spec config.md. */
const FIELDS: Readonly<Record<string, string>> = {
  created: 'Created',
  author: 'Author',
  architecture: 'Architecture',
  variant: 'Variant',
  os: 'OS',
  config: 'Config',
  rootfs: 'RootFS',
  history: 'History',
  type: 'Type',
  diff_ids: 'DiffIDs',
  created_by: 'CreatedBy',
  comment: 'Comment',
  empty_layer: 'EmptyLayer',
};

/** What their fields hold where the configuration has no such member. */
const EMPTY = { Author: '', Variant: '' };
const EMPTY_ENTRY = { CreatedBy: '', Author: '', Comment: '', EmptyLayer: false };

/** A configuration as a template wants it, by the names of skopeo's fields, or as JSON on one line. */
export function formatConfig(config: Readonly<Record<string, unknown>>, format: string): string {
  if (format === 'json') return JSON.stringify(config);
  const { rootfs, history } = config;
  const shown = {
    ...config,
    ...(isRecord(rootfs) && { rootfs: renamed(rootfs) }),
    ...(Array.isArray(history) && {
      history: history.map((entry) => (isRecord(entry) ? { ...EMPTY_ENTRY, ...renamed(entry) } : entry)),
    }),
  };
  return new Template(unescaped(format)).render({ ...EMPTY, ...renamed(shown) });
}

function renamed(members: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(members).map(([name, value]) => [FIELDS[name] ?? name, value]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
