import { join } from 'node:path';
import type { Row, SqlFile } from '../../sqlite/index.js';
import { DATA } from './copy-up.js';
import type { Volume } from './volume.js';
import { VolumeNotFoundError } from './volume-errors.js';

/** Tables of the volumes, for the database of the runtime. */
export const VOLUMES_SCHEMA = `
CREATE TABLE IF NOT EXISTS volumes (
  name TEXT PRIMARY KEY, created_at TEXT NOT NULL, labels TEXT NOT NULL, options TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS volume_uses (
  volume TEXT NOT NULL, container TEXT NOT NULL, mounted INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (volume, container)
) WITHOUT ROWID;
`;

const COLUMNS = 'name, created_at, labels, options';

/** Rows of volumes, and of which containers have them. */
export class VolumeStore {
  readonly #db: SqlFile;
  readonly #directory: string;

  constructor(db: SqlFile, directory: string) {
    this.#db = db;
    this.#directory = directory;
  }

  /** Several changes that are made together, or not at all. */
  transaction<T>(work: () => T): T {
    return this.#db.transaction(work);
  }

  find(name: string): Volume | undefined {
    const row = this.#db.get(`SELECT ${COLUMNS} FROM volumes WHERE name = ?1`, name);
    return row && this.#volumeOf(row);
  }

  /** @throws {VolumeNotFoundError} */
  get(name: string): Volume {
    const volume = this.find(name);
    if (volume === undefined) throw new VolumeNotFoundError(name);
    return volume;
  }

  add({ name, createdAt, labels, options }: Omit<Volume, 'mountpoint'>): void {
    this.#db.run(
      `INSERT INTO volumes (${COLUMNS}) VALUES (?1, ?2, ?3, ?4)`,
      name,
      createdAt,
      JSON.stringify(labels),
      JSON.stringify(options),
    );
  }

  remove(name: string): void {
    this.#db.run('DELETE FROM volumes WHERE name = ?1', name);
  }

  /** All of them, by name, and whether a container has them. */
  uses(): Readonly<{ volume: Volume; isUsed: boolean }>[] {
    const used = new Set(this.#db.column('SELECT DISTINCT volume FROM volume_uses'));
    return this.#db.all(`SELECT ${COLUMNS} FROM volumes ORDER BY name`).map((row) => {
      const volume = this.#volumeOf(row);
      return { volume, isUsed: used.has(volume.name) };
    });
  }

  usersOf(name: string): string[] {
    return this.#db
      .column('SELECT container FROM volume_uses WHERE volume = ?1 ORDER BY container', name)
      .map(String);
  }

  /** All containers that have volumes. */
  users(): string[] {
    return this.#db.column('SELECT DISTINCT container FROM volume_uses').map(String);
  }

  heldBy(container: string): string[] {
    return this.#db
      .column('SELECT volume FROM volume_uses WHERE container = ?1 ORDER BY volume', container)
      .map(String);
  }

  hold(container: string, name: string): void {
    this.#db.run('INSERT OR IGNORE INTO volume_uses (volume, container) VALUES (?1, ?2)', name, container);
  }

  release(container: string, name: string): void {
    this.#db.run('DELETE FROM volume_uses WHERE volume = ?1 AND container = ?2', name, container);
  }

  noteMounted(container: string, name: string, isMounted: boolean): void {
    const mounted = isMounted ? 1 : 0;
    this.#db.run(
      'UPDATE volume_uses SET mounted = ?3 WHERE volume = ?1 AND container = ?2',
      name,
      container,
      mounted,
    );
  }

  isMounted(name: string): boolean {
    return this.#db.get('SELECT 1 FROM volume_uses WHERE volume = ?1 AND mounted = 1', name) !== undefined;
  }

  #volumeOf({ name, created_at, labels, options }: Row): Volume {
    return {
      name: String(name),
      createdAt: String(created_at),
      labels: JSON.parse(String(labels)) as Record<string, string>,
      options: JSON.parse(String(options)) as Record<string, string>,
      mountpoint: join(this.#directory, String(name), DATA),
    };
  }
}
