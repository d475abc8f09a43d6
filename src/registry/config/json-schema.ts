import { z } from 'zod';
import { configSchema } from './schema/config.js';

/** The schema of a configuration file for editors, as JSON Schema (draft 2020-12). */
export function jsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, {
    io: 'input',
    override: ({ jsonSchema }) => tidy(jsonSchema),
  });
  return {
    $schema,
    title: "Configuration of Berth's registry",
    description: "The reference registry's config.yml with a section of Berth's own.",
    ...schema,
  };
}

type Part = z.core.JSONSchema.BaseSchema;

function tidy(part: Part): void {
  // `inmemory:` with nothing after it is an empty section.
  if (part.type === 'object') (part as { type: unknown }).type = ['object', 'null'];
  delete part.propertyNames; // every key is text
  if (isEmptyObject(part.default)) delete part.default;
  if (part.maximum === Number.MAX_SAFE_INTEGER) delete part.maximum;
  if (part.minimum === Number.MIN_SAFE_INTEGER) delete part.minimum;
}

function isEmptyObject(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && Object.keys(value).length === 0 && !Array.isArray(value)
  );
}
