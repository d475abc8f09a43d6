export type EventType = 'builder' | 'container' | 'daemon' | 'image' | 'network' | 'volume';

/** Something that has happened to an image, a container or anything else that has an id. */
export type EngineEvent = Readonly<{
  type: EventType;
  /** In docker's words: `pull`, `exec_create: sh`. */
  action: string;
  /** An id; of an image that was pulled or pushed its name. */
  id: string;
  attributes: Readonly<Record<string, string>>;
}>;

/** `timeNs`: since 1970, in nanoseconds. */
export type PostedEvent = EngineEvent & Readonly<{ timeNs: bigint }>;

/** As clients read it, before version 1.52 of the API. */
export function eventJson({ type, action, id, attributes, timeNs }: PostedEvent): object {
  const isOld = type === 'container' || type === 'image';
  return {
    ...(isOld && { status: action, id }),
    ...(type === 'container' && { from: attributes.image ?? '' }),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Number(timeNs / 1_000_000_000n),
    timeNano: Number(timeNs), // a number of JSON holds it to a quarter of a microsecond
  };
}
