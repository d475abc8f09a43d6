import { z } from 'zod';
import { DURATION_PATTERN, type Milliseconds, parseDuration } from '../durations.js';
import { type Bytes, parseSize, SIZE_PATTERN } from '../sizes.js';

// Zod would look out for values that contain themselves, for as long as all the rest of a parse takes. YAML's trees end.
z.config({ memoizer: { attach() {}, guard() {}, alloc: (_schema, _payload, empty) => empty } });

/**
 * The kinds of values that sections are made of. Each carries its description into the editors' schema: by `register`,
 * as `meta` would make a second schema of each.
 */

export function text(description: string) {
  return z.string().register(z.globalRegistry, { description }).optional();
}

export function texts(description: string) {
  return z.array(z.string()).register(z.globalRegistry, { description }).default([]);
}

/** Sources of regular expressions. Go's leading `(?i)` becomes JavaScript's `(?i:…)`. */
export function patterns(description: string) {
  const pattern = z.string().transform((source) => source.replace(/^\(\?([ims]+)\)(.*)$/s, '(?$1:$2)'));
  return z.array(pattern).register(z.globalRegistry, { description }).default([]);
}

export function flag(description: string, byDefault = false) {
  return z.boolean().register(z.globalRegistry, { description }).default(byDefault);
}

export function choice<const Names extends readonly [string, ...string[]]>(
  description: string,
  names: Names,
) {
  return z.enum(names).register(z.globalRegistry, { description });
}

/** One of some names that differ in more than their case. */
export function choiceInAnyCase<const Names extends readonly [string, ...string[]]>(
  description: string,
  names: Names,
  byDefault: Names[number],
) {
  const spelled = new Map(names.map((name) => [name.toLowerCase(), name]));
  return z
    .string()
    .transform((input) => spelled.get(input.toLowerCase()) ?? input)
    .pipe(z.enum(names))
    .register(z.globalRegistry, { description, examples: [...names] })
    .prefault(byDefault);
}

/** A whole number from 0. As in the reference, 0 stands for "not set" where `zeroMeansDefault`. */
export function count(description: string, byDefault: number, options: { zeroMeansDefault?: boolean } = {}) {
  return z
    .int()
    .transform((value) => (options.zeroMeansDefault && value <= 0 ? byDefault : value))
    .pipe(z.number().min(0))
    .register(z.globalRegistry, { description })
    .prefault(byDefault);
}

/** What a duration is read from; the identity of this schema tells durations apart from other pipes. */
export const durationInput = z.union([z.string().meta({ pattern: DURATION_PATTERN }), z.int()]);
/** What a size is read from; likewise. */
export const sizeInput = z.union([z.string().meta({ pattern: SIZE_PATTERN }), z.int()]);

/** A length of time that cannot be negative: `10s`, `1h30m`, or a bare number of nanoseconds. */
export function duration(
  description: string,
  byDefault: string,
  options: { zeroMeansDefault?: boolean } = {},
) {
  return durationInput
    .transform((input, context): Milliseconds => {
      const milliseconds = attempt(() => parseDuration(input), context);
      if (milliseconds < 0) return refuse(context, 'must not be negative');
      return milliseconds === 0 && options.zeroMeansDefault ? parseDuration(byDefault) : milliseconds;
    })
    .register(z.globalRegistry, { description })
    .prefault(byDefault);
}

/** A length of time that may be left out. */
export function optionalDuration(description: string) {
  return durationInput
    .transform((input, context): Milliseconds => attempt(() => parseDuration(input), context))
    .meta({ description })
    .optional();
}

/** A length of time where negative numbers have a meaning of their own, and absence too. */
export function signedDuration(description: string) {
  return durationInput
    .transform((input, context): Milliseconds => attempt(() => parseDuration(input), context))
    .register(z.globalRegistry, { description })
    .optional();
}

/** What a size may be, in words that sizes are written in. */
type SizeLimits = Readonly<{ least: string; most: string }>;

export function size(description: string, byDefault: string, limits?: SizeLimits) {
  return sizeWithin(limits).register(z.globalRegistry, { description }).prefault(byDefault);
}

export function requiredSize(description: string) {
  return sizeWithin(undefined).register(z.globalRegistry, { description });
}

export function optionalSize(description: string, limits?: SizeLimits) {
  return sizeWithin(limits).register(z.globalRegistry, { description }).optional();
}

function sizeWithin(limits: SizeLimits | undefined) {
  return sizeInput.transform((input, context): Bytes => {
    const bytes = attempt(() => parseSize(input), context);
    if (limits && (bytes < parseSize(limits.least) || bytes > parseSize(limits.most)))
      return refuse(context, `must be from ${limits.least} to ${limits.most}`);
    return bytes;
  });
}

/** Header names to their values; a single value may stand without its list. */
export function headers(description: string) {
  const values = z.union([z.array(z.string()), z.string()]);
  return z
    .record(
      z.string(),
      values.transform((value): string[] => (typeof value === 'string' ? [value] : value)),
    )
    .register(z.globalRegistry, { description })
    .default({});
}

/** A map whose keys only its reader knows. */
export function anything(description: string) {
  return z.record(z.string(), z.unknown()).register(z.globalRegistry, { description });
}

/** Keys that may all be left out, and the section with them. */
export function section<Shape extends z.ZodRawShape>(description: string, shape: Shape) {
  const empty = {} as z.input<z.ZodObject<Shape>>; // every key has a default or is optional; the tests load `{}`
  return z.strictObject(shape).register(z.globalRegistry, { description }).prefault(empty);
}

function attempt<Value>(parse: () => Value, context: z.RefinementCtx): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return refuse(context, error.message);
  }
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
