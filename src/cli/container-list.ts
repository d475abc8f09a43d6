import { type ContainerRecord, commandLine, networkNames } from '../runtime/container/index.js';
import { type Attachment, portsText } from '../runtime/networks/index.js';
import { type ContainerFilter, parseContainerFilters } from './container-filters.js';
import { openContainerHost } from './container-host.js';
import { statusText } from './container-status.js';
import { formatRows } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { ago, goTime } from './image-units.js';
import { printable } from './printable.js';

export type PsFlags = StoreFlags &
  Readonly<{
    all?: boolean;
    quiet?: boolean;
    latest?: boolean;
    last?: number;
    trunc?: boolean;
    filter?: readonly string[];
    format?: string;
  }>;

const HEADERS = {
  ID: 'CONTAINER ID',
  Image: 'IMAGE',
  Command: 'COMMAND',
  CreatedAt: 'CREATED AT',
  RunningFor: 'CREATED',
  Ports: 'PORTS',
  State: 'STATE',
  Status: 'STATUS',
  Size: 'SIZE',
  Names: 'NAMES',
  Labels: 'LABELS',
  Mounts: 'MOUNTS',
  Networks: 'NETWORKS',
  LocalVolumes: 'LOCAL VOLUMES',
} as const;

const TABLE = 'table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';
const MAX_COMMAND = 20;

/** `berth ps`: docker's columns and fields. */
export async function listContainers(flags: PsFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const records = await opened.host.list();
  const filters = parseContainerFilters(flags.filter ?? []).map((filter) => filter(records));
  const shown = chosen(records, filters, flags);
  const rows = shown.map((record) =>
    rowOf(record, opened.host.networks.attachmentOf(record.id), flags.trunc !== false),
  );
  if (flags.quiet === true) {
    process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
    return;
  }
  const isTable = flags.format === undefined || flags.format === 'table';
  process.stdout.write(formatRows(rows, isTable ? TABLE : (flags.format ?? TABLE), HEADERS));
}

function chosen(
  records: readonly ContainerRecord[],
  filters: readonly ReturnType<ContainerFilter>[],
  { all = false, latest = false, last = latest ? 1 : 0, filter = [] }: PsFlags,
): ContainerRecord[] {
  const matching = records.filter((record) => filters.every((accepts) => accepts(record)));
  if (last > 0) return matching.slice(0, last);
  const showsAll = all || filter.some((text) => /^(?:status|exited)=/.test(text));
  return matching.filter(
    ({ state }) => showsAll || ['running', 'paused', 'restarting'].includes(state.status),
  );
}

function rowOf(
  record: ContainerRecord,
  attachment: Attachment | undefined,
  trunc: boolean,
): Record<keyof typeof HEADERS, string> {
  const { id, name, image, config, createdAt, state } = record;
  const command = printable(commandLine(config).join(' ').replace(/\s+/g, ' '));
  return {
    ID: trunc ? id.slice(0, 12) : id,
    Image: image.name,
    Command: `"${trunc && command.length > MAX_COMMAND ? `${command.slice(0, MAX_COMMAND - 1)}…` : command}"`,
    CreatedAt: goTime(createdAt),
    RunningFor: ago(createdAt, Date.now()),
    Ports:
      attachment === undefined ? '' : portsText(attachment.ports, Object.keys(config.ExposedPorts ?? {})),
    State: state.status,
    Status: statusText(state, Date.now()),
    Size: '',
    Names: name,
    Labels: Object.entries(config.Labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Mounts: '',
    Networks: networkNames(record).join(','),
    LocalVolumes: '0',
  };
}
