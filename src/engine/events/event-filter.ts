import type { EventType, PostedEvent } from './event.js';

/** Keys of the filters of events; all but these mean nothing. */
export const EVENT_FILTERS = [
  'config',
  'container',
  'daemon',
  'event',
  'image',
  'label',
  'network',
  'node',
  'plugin',
  'scope',
  'secret',
  'service',
  'type',
  'volume',
];

/** Whether an event is wanted: any value of a key will do, labels must all be there. */
export function acceptsEvent(filters: ReadonlyMap<string, readonly string[]>, event: PostedEvent): boolean {
  return [...filters].every(([key, values]) => values.length === 0 || accepts(key, values, event));
}

function accepts(key: string, values: readonly string[], event: PostedEvent): boolean {
  const { type, action, attributes } = event;
  switch (key) {
    case 'type':
      return values.includes(type);
    case 'event':
      return values.some((value) => action === value || action.startsWith(`${value}:`));
    case 'scope':
      return values.includes('local');
    case 'label':
      return values.every((value) => hasLabel(attributes, value));
    case 'image':
      return values.some((value) => isImage(event, value));
    default:
      return type === (key as EventType) && values.some((value) => isActor(event, value));
  }
}

function hasLabel(attributes: PostedEvent['attributes'], text: string): boolean {
  const equals = text.indexOf('=');
  const value = attributes[equals < 0 ? text : text.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === text.slice(equals + 1));
}

/** Of an image, or of a container that is made of it; with or without the tag. */
function isImage({ type, id, attributes }: PostedEvent, value: string): boolean {
  const names = type === 'image' ? [id, attributes.name ?? ''] : [attributes.image ?? ''];
  return names.some((name) => name === value || name.replace(/:[^:/]*$/, '') === value);
}

function isActor({ id, attributes }: PostedEvent, value: string): boolean {
  return id === value || attributes.name === value || (value.length >= 4 && id.startsWith(value));
}
