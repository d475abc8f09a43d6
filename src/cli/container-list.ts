import {
  type ContainerHost,
  type ContainerRecord,
  commandLine,
  isActive,
  networkNames,
} from '../runtime/container/index.js';
import { type Attachment, portsText } from '../runtime/networks/index.js';
import { nameOfMount } from '../runtime/volumes/index.js';
import { chooseContainers } from './container-filters.js';
import { openContainerHost } from './container-host.js';
import { statusText } from './container-status.js';
import { formatRows, labelOf } from './format-template.js';
import type { StoreFlags } from './image-store.js';
import { ago, goTime, humanSize } from './image-units.js';
import { printable } from './printable.js';

export type PsFlags = StoreFlags &
  Readonly<{
    all?: boolean;
    quiet?: boolean;
    latest?: boolean;
    size?: boolean;
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
const MAX_MOUNT = 15;

/** `berth ps`: docker's columns and fields. */
export async function listContainers(flags: PsFlags): Promise<void> {
  using opened = await openContainerHost(flags);
  const records = await opened.host.list();
  const shown = chosen(records, flags);
  const showsSize = flags.size === true || /\.Size\b/.test(flags.format ?? '');
  const rows = await Promise.all(
    shown.map(async (record) => ({
      ...rowOf(record, attachmentOf(opened.host, record), flags.trunc !== false),
      Label: labelOf(record.config.Labels ?? {}),
      ...(showsSize && { Size: await sizeText(opened.host, record) }),
    })),
  );
  if (flags.quiet === true) {
    process.stdout.write(rows.map(({ ID }) => `${ID}\n`).join(''));
    return;
  }
  const isTable = flags.format === undefined || flags.format === 'table';
  const table = flags.size === true ? `${TABLE}\t{{.Size}}` : TABLE;
  process.stdout.write(formatRows(rows, isTable ? table : (flags.format ?? table), HEADERS));
}

function chosen(
  records: readonly ContainerRecord[],
  { all = false, latest = false, last = latest ? 1 : 0, filter = [] }: PsFlags,
): ContainerRecord[] {
  const matching = chooseContainers(records, filter);
  if (last > 0) return matching.slice(0, last);
  const showsAll = all || filter.some((text) => /^(?:status|exited)=/.test(text));
  return matching.filter(({ state }) => showsAll || isActive(state.status));
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
    Command: `"${trunc ? shortened(command, MAX_COMMAND) : command}"`,
    CreatedAt: goTime(createdAt),
    RunningFor: ago(createdAt, Date.now()),
    Ports:
      attachment === undefined
        ? ''
        : printable(portsText(attachment.ports, Object.keys(config.ExposedPorts ?? {}))),
    State: state.status,
    Status: statusText(state, Date.now()),
    Size: '',
    Names: name,
    Labels: Object.entries(config.Labels ?? {})
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    Mounts: record.mounts
      .map(nameOfMount)
      .filter((mount) => mount !== '')
      .map((mount) => (trunc ? shortened(mount, MAX_MOUNT) : mount))
      .join(','),
    Networks: networkNames(record).join(','),
    LocalVolumes: String(record.mounts.filter(({ type }) => type === 'volume').length),
  };
}

/** What has ended has no networks. */
function attachmentOf({ networks }: ContainerHost, { id, state }: ContainerRecord): Attachment | undefined {
  return state.pid === 0 ? undefined : networks.attachmentOf(id);
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** What it has written, and that with its image. */
async function sizeText(host: ContainerHost, record: ContainerRecord): Promise<string> {
  const changed = await host.changedBytes(record);
  return `${humanSize(changed)} (virtual ${humanSize(changed + host.imageBytes(record))})`;
}
