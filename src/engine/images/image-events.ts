import type { ImageRecord, LocalStore, RemovedPart } from '../../image/index.js';
import type { EventBus } from '../events/event-bus.js';

/** Tells of something that happened to an image, which `name` is how people call. */
export function postImage(
  events: EventBus,
  action: string,
  id: string,
  name: string,
  labels: object = {},
): void {
  events.post({ type: 'image', action, id, attributes: { ...(labels as Record<string, string>), name } });
}

/** Labels of an image, which filters of events ask for. */
export function labelsOf(store: LocalStore, { descriptor }: ImageRecord): object {
  try {
    return store.image(descriptor).config.config?.Labels ?? {};
  } catch {
    return {}; // no image that can be run
  }
}

/** What docker answers for what went. */
export function removedJson(part: RemovedPart): object {
  return 'untagged' in part ? { Untagged: part.untagged } : { Deleted: part.deleted };
}

/** Of names that went, and of the image if it did. @param id of the image that they were names of. */
export function postRemoved(events: EventBus, id: string, parts: readonly RemovedPart[]): void {
  for (const part of parts) {
    if ('untagged' in part) postImage(events, 'untag', id, id);
    else if (part.deleted === id) postImage(events, 'delete', id, id);
  }
}
