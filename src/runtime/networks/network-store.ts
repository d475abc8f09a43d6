import { randomBytes } from 'node:crypto';
import type { Row, SqlFile } from '../../sqlite/index.js';
import type { Endpoint, NetworkedContainer } from './endpoint.js';
import type { Member } from './inspect-network.js';
import type { Network } from './network.js';
import { NetworkConflictError, NetworkNotFoundError } from './network-errors.js';
import type { PublishedPort } from './published-port.js';

/** Tables of the networks, for the database of the runtime. */
export const NETWORKS_SCHEMA = `
CREATE TABLE IF NOT EXISTS networks (
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS network_attachments (
  container TEXT PRIMARY KEY, boot TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS network_endpoints (
  container TEXT NOT NULL, network TEXT NOT NULL, interface TEXT NOT NULL,
  address TEXT NOT NULL, address6 TEXT NOT NULL, body TEXT NOT NULL,
  PRIMARY KEY (container, network)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS network_endpoints_of_network ON network_endpoints (network);
`;

/** Of this boot alone. */
const ENDPOINTS_IN =
  'network_endpoints e JOIN network_attachments a ON a.container = e.container WHERE e.network = ?1 AND a.boot = ?2';

/** A container that has, or is about to have, a network namespace of ours. */
export type AttachmentRecord = Readonly<{
  container: NetworkedContainer;
  /** What is published; through the first endpoint that leads out of the machine. */
  ports: readonly PublishedPort[];
  dnsServers: readonly string[];
  /** Which boot of the machine it was made in: nothing outlives it. */
  boot: string;
}>;

/** Rows of networks, and of who is in them. */
export class NetworkStore {
  readonly #db: SqlFile;
  readonly #boot: string;

  /** @param boot of the machine, now: who was attached in another one is in no network any more. */
  constructor(db: SqlFile, boot: string) {
    this.#db = db;
    this.#boot = boot;
  }

  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  /** @throws {NetworkConflictError} the name is taken. */
  add(network: Network): void {
    this.transaction(() => {
      const other = this.#db.get('SELECT id FROM networks WHERE name = ?1', network.name);
      if (other !== undefined)
        throw new NetworkConflictError(`network with name ${network.name} already exists`);
      this.put(network);
    });
  }

  put(network: Network): void {
    this.#db.run(
      'INSERT OR REPLACE INTO networks (id, name, body) VALUES (?1, ?2, ?3)',
      network.id,
      network.name,
      JSON.stringify(network),
    );
  }

  /** @param text name, id, or the beginning of an id. @throws {NetworkConflictError} of several. */
  find(text: string): Network | undefined {
    const exact = this.#db.get(
      'SELECT body FROM networks WHERE id = ?1 OR name = ?1 ORDER BY id = ?1 DESC LIMIT 1',
      text,
    );
    if (exact !== undefined) return bodyOf<Network>(exact);
    if (!/^[0-9a-f]+$/.test(text)) return undefined;
    const rows = this.#db.all(
      'SELECT body FROM networks WHERE id >= ?1 AND id < ?2 LIMIT 2',
      text,
      `${text}g`,
    );
    if (rows.length > 1)
      throw new NetworkConflictError(`several networks have ids that begin with ${text}: write more of it`);
    return rows[0] && bodyOf<Network>(rows[0]);
  }

  /** @throws {NetworkNotFoundError} @throws {NetworkConflictError} */
  get(text: string): Network {
    const network = this.find(text);
    if (network === undefined) throw new NetworkNotFoundError(text);
    return network;
  }

  /** By name. */
  all(): Network[] {
    return this.#db.all('SELECT body FROM networks ORDER BY name').map((row) => bodyOf<Network>(row));
  }

  remove(network: Network): void {
    this.#db.run('DELETE FROM networks WHERE id = ?1', network.id);
  }

  isUsed(network: Network): boolean {
    return this.#db.get(`SELECT 1 FROM ${ENDPOINTS_IN} LIMIT 1`, network.id, this.#boot) !== undefined;
  }

  members(network: Network): Member[] {
    const sql = `SELECT e.container, e.body AS endpoint, a.body AS attachment FROM ${ENDPOINTS_IN} ORDER BY e.container`;
    return this.#db.all(sql, network.id, this.#boot).map((row) => ({
      container: String(row.container),
      name: (JSON.parse(String(row.attachment)) as AttachmentRecord).container.name,
      endpoint: JSON.parse(String(row.endpoint)) as Endpoint,
    }));
  }

  /** Those of all containers in a network. */
  addresses(network: Network): Set<string> {
    const rows = this.#db.all(`SELECT e.address, e.address6 FROM ${ENDPOINTS_IN}`, network.id, this.#boot);
    return new Set(rows.flatMap(({ address, address6 }) => [String(address), String(address6)]));
  }

  attachment(container: string): AttachmentRecord | undefined {
    const sql = 'SELECT body FROM network_attachments WHERE container = ?1 AND boot = ?2';
    const row = this.#db.get(sql, container, this.#boot);
    return row && bodyOf<AttachmentRecord>(row);
  }

  /** Ids of the containers, those of other boots too. */
  attached(): string[] {
    return this.#db.column('SELECT container FROM network_attachments').map(String);
  }

  /** Of those, which were before this boot. */
  attachedBefore(): string[] {
    const sql = 'SELECT container FROM network_attachments WHERE boot <> ?1';
    return this.#db.column(sql, this.#boot).map(String);
  }

  /** Those of other boots too, of which something may be left. */
  attachments(): AttachmentRecord[] {
    return this.#db
      .all('SELECT body FROM network_attachments ORDER BY container')
      .map((row) => bodyOf<AttachmentRecord>(row));
  }

  putAttachment(record: AttachmentRecord): void {
    this.#db.run(
      'INSERT OR REPLACE INTO network_attachments (container, boot, body) VALUES (?1, ?2, ?3)',
      record.container.id,
      record.boot,
      JSON.stringify(record),
    );
  }

  /** By interface: eth0 first. */
  endpoints(container: string): Endpoint[] {
    return this.#db
      .all(
        'SELECT body FROM network_endpoints WHERE container = ?1 ORDER BY length(interface), interface',
        container,
      )
      .map((row) => bodyOf<Endpoint>(row));
  }

  putEndpoint(container: string, endpoint: Endpoint): void {
    this.#db.run(
      'INSERT INTO network_endpoints (container, network, interface, address, address6, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
      container,
      endpoint.networkId,
      endpoint.interfaceName,
      endpoint.ipAddress,
      endpoint.ipv6Address,
      JSON.stringify(endpoint),
    );
  }

  removeEndpoint(container: string, { networkId }: Endpoint): void {
    this.#db.run('DELETE FROM network_endpoints WHERE container = ?1 AND network = ?2', container, networkId);
  }

  /** With its endpoints: their addresses are free again. */
  removeAttachment(container: string): void {
    this.transaction(() => {
      this.#db.run('DELETE FROM network_endpoints WHERE container = ?1', container);
      this.#db.run('DELETE FROM network_attachments WHERE container = ?1', container);
    });
  }
}

/** 64 hexadecimal digits that nobody has. */
export function newNetworkId(): string {
  return randomBytes(32).toString('hex');
}

/** @param T what was put there. */
function bodyOf<T>({ body }: Row): T {
  return JSON.parse(String(body)) as T;
}
