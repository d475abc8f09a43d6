import type { Pushed } from '../content/index.js';
import type { Descriptor } from '../oci/index.js';

/** What happens to one piece of content on its way; pieces are told apart by their digest. */
export type TransferEvent =
  | Readonly<{ kind: 'begin'; descriptor: Descriptor }>
  /** A negative number takes back what has to be sent again. */
  | Readonly<{ kind: 'bytes'; descriptor: Descriptor; bytes: number }>
  | Readonly<{ kind: 'end'; descriptor: Descriptor; outcome: Pushed }>
  /** Before it can be sent: how much of a layer is compressed, in bytes of the uncompressed one. */
  | Readonly<{ kind: 'compress'; descriptor: Descriptor; bytes: number }>;

export type OnTransfer = (event: TransferEvent) => void;
