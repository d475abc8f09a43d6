import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Grant } from './grants.js';
import { ACTIONS, type Action } from './scopes.js';

/** A program that logs in, as the file of robots has it. */
export type Robot = Grant &
  Readonly<{
    /** Without the prefix of its user name. */
    name: string;
    /** Of its secret; see {@link hashSecret}. */
    hash: string;
    createdAt: Date;
    expiresAt?: Date | undefined;
  }>;

/** No user may begin so where there are robots. `+` means nothing to a shell, and `$`, as others have it, does. */
const PREFIX = 'robot+';
const NAME = /^[A-Za-z0-9][\w.-]{0,99}$/;
const HASH = /^sha256:[0-9a-f]{64}$/;

/** What a robot logs in as. */
export function robotUser(name: string): string {
  return `${PREFIX}${name}`;
}

export function isRobotUser(user: string): boolean {
  return user.startsWith(PREFIX);
}

export function isRobotName(name: string): boolean {
  return NAME.test(name);
}

/** 256 bits; the beginning is for programs that look for secrets in what should not have any. */
export function newSecret(): string {
  return `berth_${randomBytes(32).toString('base64url')}`;
}

/** Nobody can try as many secrets as there are, so that a quick hash keeps them as well as a slow one. */
export function hashSecret(secret: string | Buffer): string {
  return `sha256:${hash('sha256', secret)}`;
}

export function isSecretOf(secret: Buffer, stored: string): boolean {
  const [actual, expected] = [Buffer.from(hashSecret(secret)), Buffer.from(stored)];
  return actual.length === expected.length && timingSafeEqual(actual, expected);
}

/** @throws {Error} naming the robot, and nothing of what it holds. */
export function parseRobots(text: string): Robot[] {
  if (text.trim() === '') return [];
  const robots = robotsIn(text).map(parseRobot);
  const twice = robots.find(({ name }, i) => robots.findIndex((other) => other.name === name) !== i);
  if (twice !== undefined) throw new Error(`robot ${twice.name} is there twice`);
  return robots;
}

export function formatRobots(robots: readonly Robot[]): string {
  const written = robots.map(({ createdAt, expiresAt, name, hash, repositories, actions }) => ({
    name,
    hash,
    repositories,
    actions,
    created: createdAt.toISOString(),
    ...(expiresAt && { expires: expiresAt.toISOString() }),
  }));
  return `${JSON.stringify({ robots: written }, undefined, 2)}\n`;
}

function robotsIn(text: string): unknown[] {
  try {
    const { robots } = JSON.parse(text) as { robots: unknown };
    if (Array.isArray(robots)) return robots;
  } catch {
    // A message of the parser would show part of the file.
  }
  throw new Error('it is not a file of robots, as berth robot add makes it');
}

function parseRobot(value: unknown, at: number): Robot {
  const { name, hash, repositories, actions, created, expires } = Object(value) as Record<string, unknown>;
  if (typeof name !== 'string' || !isRobotName(name)) throw new Error(`robot ${at + 1} has no right name`);
  const wrong = (what: string) => new Error(`robot ${name} has no right ${what}`);
  if (typeof hash !== 'string' || !HASH.test(hash)) throw wrong('hash');
  if (!isList(repositories)) throw wrong('repositories');
  if (!isList(actions) || !actions.every(isAction)) throw wrong('actions');
  // Whoever is to go at some time must not stay because it cannot be read.
  const expiresAt = expires === undefined ? undefined : dateOf(expires);
  if (expires !== undefined && expiresAt === undefined) throw wrong('expires');
  return { name, hash, repositories, actions, createdAt: dateOf(created) ?? new Date(0), expiresAt };
}

function isList(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');
}

export function isAction(text: string): text is Action {
  return (ACTIONS as readonly string[]).includes(text);
}

function dateOf(value: unknown): Date | undefined {
  const date = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
