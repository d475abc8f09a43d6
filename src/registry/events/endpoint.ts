import type { RegistryEvent } from './event.js';

/** Where events are posted, and which. Times in milliseconds. */
export type Endpoint = Readonly<{
  /** Names it in logs, metrics and the queue. */
  name: string;
  /** Events that come while it is disabled are not for it; those that wait already go on waiting. */
  disabled: boolean;
  url: URL;
  /** Added to each post; a Content-Type among them takes the place of the usual one. */
  headers: Readonly<Record<string, readonly string[]>>;
  /** Longest wait for an answer. */
  timeoutMs: number;
  /** Failures in a row after which it is left alone for `backoffMs`, and for longer with each that follows. */
  threshold: number;
  backoffMs: number;
  /** Events of these are not sent. */
  ignored: Readonly<{ mediaTypes: ReadonlySet<string>; actions: ReadonlySet<string> }>;
  /** Only what all of these say yes to is sent. Where tags are chosen, what has none is not sent. */
  wanted: Readonly<{
    repository?: ((name: string) => boolean) | undefined;
    tag?: ((name: string) => boolean) | undefined;
    actions?: ReadonlySet<string> | undefined;
  }>;
  /** Signs what is posted. */
  secret: string | undefined;
  /** Most events that wait for it. */
  maxWaiting: number;
}>;

export function wants(
  { ignored, wanted }: Pick<Endpoint, 'ignored' | 'wanted'>,
  { action, mediaType, repository, tag }: Pick<RegistryEvent, 'action' | 'mediaType' | 'repository' | 'tag'>,
): boolean {
  if (ignored.actions.has(action)) return false;
  if (mediaType !== undefined && ignored.mediaTypes.has(mediaType)) return false;
  if (wanted.actions && !wanted.actions.has(action)) return false;
  if (wanted.repository && !wanted.repository(repository)) return false;
  return wanted.tag === undefined || (tag !== undefined && wanted.tag(tag));
}
