import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/** What a file of /etc/cdi may say. github.com/cncf-tags/container-device-interface, SPEC.md 1.1. */
const deviceNode = z.strictObject({
  path: z.string().startsWith('/'),
  hostPath: z.string().startsWith('/').optional(),
  type: z.enum(['b', 'c', 'u', 'p']).optional(),
  major: z.number().int().nonnegative().optional(),
  minor: z.number().int().nonnegative().optional(),
  fileMode: z.number().int().nonnegative().optional(),
  permissions: z
    .string()
    .regex(/^[rwm]*$/)
    .optional(),
  uid: z.number().int().nonnegative().optional(),
  gid: z.number().int().nonnegative().optional(),
});

const mount = z.strictObject({
  hostPath: z.string().min(1),
  containerPath: z.string().startsWith('/'),
  type: z.string().optional(),
  options: z.array(z.string()).optional(),
});

const HOOK_NAMES = [
  'prestart',
  'createRuntime',
  'createContainer',
  'startContainer',
  'poststart',
  'poststop',
] as const;

const hook = z.strictObject({
  hookName: z.enum(HOOK_NAMES),
  path: z.string().startsWith('/'),
  args: z.array(z.string()).optional(),
  env: z.array(z.string().regex(/=/)).optional(),
  timeout: z.number().int().positive().optional(),
});

/** Members that are not here, such as network devices, would be promises that nobody keeps. */
const containerEdits = z.strictObject({
  env: z.array(z.string().regex(/^[^=]+=/)).optional(),
  deviceNodes: z.array(deviceNode).optional(),
  mounts: z.array(mount).optional(),
  hooks: z.array(hook).optional(),
  additionalGids: z.array(z.number().int().nonnegative()).optional(),
});

const annotations = z.record(z.string(), z.string()).optional();

const specFile = z.looseObject({
  cdiVersion: z.string(),
  kind: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\/[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/),
  annotations,
  devices: z.array(z.looseObject({ name: z.string().min(1), annotations, containerEdits })),
  containerEdits: containerEdits.optional(),
});

export type ContainerEdits = z.infer<typeof containerEdits>;
export type DeviceNode = z.infer<typeof deviceNode>;
export type Hook = z.infer<typeof hook>;
export type SpecFile = z.infer<typeof specFile>;

/** @throws {Error} it cannot be read, or does not say what such a file says. */
export function readSpecFile(path: string): SpecFile {
  const result = specFile.safeParse(parse(readFileSync(path, 'utf8')));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Error(`${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is not as it should be'}`);
}
