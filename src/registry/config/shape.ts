import { z } from 'zod';
import { durationInput, sizeInput } from './schema/fields.js';

type Schema = z.core.$ZodType;

/** What may be written at one place, read off its schema. Where several forms are allowed, all are filled in. */
export type Shape = {
  /** The keys of a section. */
  keys?: ReadonlyMap<string, Schema>;
  /** Whether a section takes unknown keys too. */
  loose?: boolean;
  /** What a map with free keys holds. */
  values?: Schema;
  /** What a list holds. */
  items?: Schema;
  /** Types of single values. */
  readonly scalars: Set<string>;
  anything?: boolean;
  unit?: 'duration' | 'size';
};

export function shapeOf(schema: Schema): Shape {
  const shape: Shape = { scalars: new Set() };
  fill(shape, schema);
  return shape;
}

function fill(shape: Shape, schema: Schema): void {
  if (schema === durationInput) shape.unit = 'duration';
  if (schema === sizeInput) shape.unit = 'size';
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    fill(shape, schema.def.innerType);
  } else if (schema instanceof z.ZodPipe) {
    fill(shape, schema.def.in);
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.def.options) fill(shape, option);
  } else if (schema instanceof z.ZodObject) {
    shape.keys = new Map(Object.entries(schema.def.shape));
    shape.loose = schema.def.catchall instanceof z.ZodUnknown;
  } else if (schema instanceof z.ZodRecord) {
    shape.values = schema.def.valueType;
  } else if (schema instanceof z.ZodArray) {
    shape.items = schema.def.element;
  } else if (schema instanceof z.ZodLiteral) {
    for (const value of schema.def.values) shape.scalars.add(typeof value);
  } else if (schema instanceof z.ZodEnum || schema instanceof z.ZodString) {
    shape.scalars.add('string');
  } else if (schema instanceof z.ZodNumber) {
    shape.scalars.add('number');
  } else if (schema instanceof z.ZodBoolean) {
    shape.scalars.add('boolean');
  } else {
    shape.anything = true;
  }
}

/** In words, for messages: `text or a list`. */
export function describeShape(shape: Shape): string {
  if (shape.unit === 'duration') return 'a duration such as 10s or 1h30m';
  if (shape.unit === 'size') return 'a size such as 4MiB or a number of bytes';
  const words = [...shape.scalars].map((type) => WORDS.get(type) ?? type);
  if (shape.items) words.push('a list');
  if (shape.keys || shape.values) words.push('a map');
  return words.join(' or ');
}

const WORDS = new Map([
  ['string', 'text'],
  ['number', 'a whole number'],
  ['boolean', 'true or false'],
]);
