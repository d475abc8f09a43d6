import { type Collection, type CollectOptions, Collector, type Removal } from '../gc/index.js';
import { type Mended, Mender, type Mending } from '../verify/index.js';
import { Restoration, type Restored } from './restoration.js';

/** Times in milliseconds. As JSON where it is handed to another process. */
export type Task =
  /** `listed`: what is removed is to be named, and not only counted. */
  | Readonly<{ kind: 'collect'; dryRun: boolean; grace: number; untagged: boolean; listed: boolean }>
  | Readonly<{ kind: 'restore'; id: string }>
  /** `names` of mirrors; none stands for all. */
  | Readonly<{ kind: 'mirror'; names: readonly string[] }>
  /** What `berth verify` found to be wrong. */
  | Readonly<{ kind: 'mend'; mendings: readonly Mending[] }>
  /** Gives up what was deleted so long ago. */
  | Readonly<{ kind: 'empty-trash'; olderThan: number }>;

/** `removals` are the first of them, `omitted` says how many more there were. */
export type Outcome =
  | Readonly<{ kind: 'collect'; collection: Collection; removals: readonly Removal[]; omitted: number }>
  | (Restored & Readonly<{ kind: 'restore' }>)
  | (MirrorOutcome & Readonly<{ kind: 'mirror' }>)
  /** In the order of what was asked for. */
  | Readonly<{ kind: 'mend'; mended: readonly Mended[] }>
  | Readonly<{ kind: 'empty-trash'; entries: number }>;

/** Tags that were copied, and that were the same already. */
export type MirrorOutcome = Readonly<{ copied: number; unchanged: number; failures: readonly string[] }>;

/** What a task changed: something went, or came back. */
export type Change = Removal | (Restored & Readonly<{ kind: 'restore' }>);

/** What a person reads, and what is held in memory. */
const MAX_REMOVALS = 10_000;

type Parts = ConstructorParameters<typeof Collector>[0] &
  Readonly<{
    /** Copies between this registry and others, where there are any. */
    mirrors?: { run(names: readonly string[], signal?: AbortSignal): Promise<MirrorOutcome> } | undefined;
    /** Is told of each change before the task ends. */
    changed?: ((change: Change) => Promise<void>) | undefined;
  }>;

/** Tasks for a whole registry, one after the other. */
export class Maintenance {
  readonly #parts: Parts;
  readonly #collector: Collector;
  readonly #mender: Mender;
  #last: Promise<unknown> = Promise.resolve();

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#collector = new Collector(parts);
    this.#mender = new Mender(parts.store);
  }

  /** @throws what the task throws. */
  run(task: Task, signal?: AbortSignal): Promise<Outcome> {
    // It takes as long as others take to answer, and is as if clients did it: nothing need wait for it.
    if (task.kind === 'mirror') return this.#mirror(task.names, signal);
    const done = this.#last.then(() => this.#perform(task, signal));
    this.#last = done.catch(() => {});
    return done;
  }

  async #mirror(names: readonly string[], signal: AbortSignal | undefined): Promise<Outcome> {
    const { mirrors } = this.#parts;
    if (mirrors === undefined)
      throw new Error('the server runs with a configuration that has no berth.mirrors');
    return { kind: 'mirror', ...(await mirrors.run(names, signal)) };
  }

  #perform(task: Exclude<Task, { kind: 'mirror' }>, signal: AbortSignal | undefined): Promise<Outcome> {
    switch (task.kind) {
      case 'collect':
        return this.#collect({ ...task, ...(signal ? { signal } : {}) });
      case 'restore':
        return this.#restore(task.id);
      case 'mend':
        return this.#mend(task.mendings, signal);
      case 'empty-trash':
        return this.#emptyTrash(task.olderThan, signal);
    }
  }

  async #collect(
    options: Omit<CollectOptions, 'onRemoval'> & Readonly<{ listed: boolean }>,
  ): Promise<Outcome> {
    const removals: Removal[] = [];
    let omitted = 0;
    const onRemoval = (removal: Removal) => {
      if (options.listed && removals.length < MAX_REMOVALS) removals.push(removal);
      else omitted += 1;
    };
    const told: Promise<void>[] = [];
    const { changed } = this.#parts;
    const collection = await this.#collector.run({
      ...options,
      onRemoval: (removal) => {
        onRemoval(removal);
        if (changed && !options.dryRun) told.push(changed(removal));
      },
    });
    await Promise.all(told);
    return { kind: 'collect', collection, removals, omitted } as const;
  }

  async #mend(mendings: readonly Mending[], signal: AbortSignal | undefined) {
    return { kind: 'mend', mended: await this.#mender.mend(mendings, signal) } as const;
  }

  async #restore(id: string) {
    const { manifests, store, changed } = this.#parts;
    const restoration = new Restoration(store, manifests, async (restored) =>
      changed?.({ kind: 'restore', ...restored }),
    );
    return { kind: 'restore', ...(await restoration.restore(id)) } as const;
  }

  async #emptyTrash(olderThan: number, signal: AbortSignal | undefined) {
    const { now, trash } = this.#parts.store;
    // All of it is all, also what a clock that was wrong has dated ahead.
    const before = olderThan === 0 ? Number.POSITIVE_INFINITY : now().getTime() - olderThan;
    let entries = 0;
    for await (const { id, deletedAt } of trash?.list() ?? []) {
      if (signal?.aborted || deletedAt.getTime() > before) break; // the rest is younger
      await trash?.remove(id);
      entries += 1;
    }
    return { kind: 'empty-trash', entries } as const;
  }
}
