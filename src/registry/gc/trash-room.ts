import { StorageFullError } from '../../storage/index.js';

/** What goes into the trash needs a little room there. */
export class TrashFullError extends Error {
  override readonly name = 'TrashFullError';

  constructor() {
    super(
      'the disk has no room for what images leave in the trash, though all that needs none has gone: ' +
        'berth trash empty makes some, and with berth.trash.keep 0 images go without',
    );
  }
}

/** @returns false when there is no room for what `remove` writes. */
export async function unlessFull(remove: () => Promise<void>): Promise<boolean> {
  try {
    await remove();
    return true;
  } catch (error) {
    if (error instanceof StorageFullError) return false;
    throw error;
  }
}
