/** Both ends of a Node IPC channel: `process` in a child, the child's `ChildProcess` in its parent. */
export interface MessagePeer {
  send?(message: unknown): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

/** What the other side may call: values in and out are plain data and bytes. */
export type Methods = Readonly<Record<string, (argument: never) => unknown>>;

type Message =
  | Readonly<{ kind: 'call'; id: number; method: string; argument: unknown }>
  | Readonly<{ kind: 'result'; id: number; value: unknown }>
  | Readonly<{ kind: 'failure'; id: number; name: string; message: string }>;

type Waiting = Readonly<{ resolve: (value: unknown) => void; reject: (error: Error) => void }>;

/** A failure that happened on the other side. `remoteName` is its class there. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly remoteName: string;

  constructor(remoteName: string, message: string) {
    super(message);
    this.remoteName = remoteName;
  }
}

/** Calls between two processes, in both directions; many may be under way at once. */
export class Channel {
  readonly #peer: MessagePeer;
  readonly #methods: Methods;
  readonly #waiting = new Map<number, Waiting>();
  #nextID = 0;
  #closed: Error | undefined;

  constructor(peer: MessagePeer, methods: Methods) {
    this.#peer = peer;
    this.#methods = methods;
    peer.on('message', (message) => this.#receive(message as Message));
  }

  /** @throws {RemoteError} */
  call(method: string, argument: unknown): Promise<unknown> {
    if (this.#closed) return Promise.reject(this.#closed);
    this.#nextID += 1;
    const id = this.#nextID;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ kind: 'call', id, method, argument });
    });
  }

  /** The other side is gone: what it was asked for, and will be, fails with this. */
  close(reason: Error): void {
    this.#closed ??= reason;
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
    this.#waiting.clear();
  }

  #receive(message: Message): void {
    if (message.kind === 'call') {
      void this.#answer(message.id, message.method, message.argument);
      return;
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'result') waiting?.resolve(message.value);
    else waiting?.reject(new RemoteError(message.name, message.message));
  }

  async #answer(id: number, name: string, argument: unknown): Promise<void> {
    try {
      const method = this.#methods[name];
      if (!method) throw new TypeError(`no such method: ${name}`);
      this.#send({ kind: 'result', id, value: await method(argument as never) });
    } catch (error) {
      const { name: type, message } = error instanceof Error ? error : new Error(String(error));
      this.#send({ kind: 'failure', id, name: type, message: withCauses(message, error) });
    }
  }

  #send(message: Message): void {
    if (!this.#closed) this.#peer.send?.(message);
  }
}

/** Causes do not travel, but what they say does. */
function withCauses(message: string, error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? withCauses(`${message}: ${cause.message}`, cause) : message;
}
