import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DiskReserve, SqlFile } from '../sqlite/index.js';
import { CONTAINERS_SCHEMA } from './container/container-store.js';
import { NETWORKS_SCHEMA } from './networks/index.js';
import { EVENTS_SCHEMA } from './runtime-events.js';
import { VOLUMES_SCHEMA } from './volumes/index.js';

/** How long a change waits for that of another process. */
const BUSY_MS = 10_000;
const VERSION = 2;

const SCHEMA = `${CONTAINERS_SCHEMA}${EVENTS_SCHEMA}${VOLUMES_SCHEMA}${NETWORKS_SCHEMA}PRAGMA user_version = ${VERSION};`;

/** What containers, volumes and networks there are, in one file of $BERTH_ROOT, which several processes use at once. */
export class RuntimeDatabase extends SqlFile {
  static pathIn(root: string): string {
    return join(root, 'runtime.sqlite');
  }

  /** @param root made if need be. @throws when a newer Berth wrote it. */
  constructor(root: string) {
    mkdirSync(root, { recursive: true, mode: 0o711 });
    const reserve = new DiskReserve(root);
    reserve.makeRoom();
    const path = RuntimeDatabase.pathIn(root);
    // Variables of containers are in it, which others on this machine must not read; SQLite gives its other files this mode.
    closeSync(openSync(path, 'a', 0o600));
    super(new DatabaseSync(path, { timeout: BUSY_MS }), reserve);
    this.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
    const version = Number(this.get('PRAGMA user_version')?.user_version);
    if (version > VERSION) {
      this.close();
      throw new Error(`${path} was written by a newer Berth: use that one, or another --root`);
    }
    if (version < VERSION) this.transaction(() => this.exec(SCHEMA));
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
