import type { Config } from './schema/config.js';

/** Where a value of the configuration comes from. Lines and columns count from 1. */
export type Origin =
  | Readonly<{ from: 'default' }>
  | Readonly<{ from: 'file'; path: string; line: number; column: number }>
  | Readonly<{ from: 'environment'; name: string }>;

export const DEFAULT: Origin = { from: 'default' };

/** A configuration of the right form. */
export type SoundConfig = Readonly<{
  config: Config;
  /** Dotted key, such as `http.headers.X-Frame-Options.0`, to where its value comes from; one entry for each value. */
  origins: ReadonlyMap<string, Origin>;
}>;

/** Something the operator should know though the start goes on. `key` is dotted, or a variable's name. */
export type Notice = Readonly<{ level: 'info' | 'warn'; key: string; message: string; origin: Origin }>;

/** Something that stops the start. */
export type Problem = Readonly<{ key: string; message: string; origin: Origin }>;

/** Takes what is found out about keys, at the places where they were written. */
export type Report = Readonly<{
  problem: (key: string, message: string) => void;
  notice: (level: Notice['level'], key: string, message: string) => void;
}>;

/** `config.yml:12:3`, `environment REGISTRY_HTTP_ADDR` or `default`. */
export function formatOrigin(origin: Origin): string {
  if (origin.from === 'file') return `${origin.path}:${origin.line}:${origin.column}`;
  return origin.from === 'environment' ? `environment ${origin.name}` : 'default';
}

/** One line for a terminal: place, key, message. */
export function formatNotice({ key, message, origin }: Notice | Problem): string {
  const named = origin.from === 'environment' && origin.name === key;
  const words = named || key === '' ? message : `${key}: ${message}`;
  return origin.from === 'default' ? words : `${formatOrigin(origin)}: ${words}`;
}

/** The configuration cannot be used. Lists everything that is wrong with it, not only the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly Problem[];
  /** What was worth knowing besides: a misspelt key may explain why another one is missing. */
  readonly notices: readonly Notice[];

  /** What it would be without what is wrong, of which more can be said; `undefined` where nothing is left. */
  readonly rest: SoundConfig | undefined;

  constructor(problems: readonly Problem[], notices: readonly Notice[] = [], rest?: SoundConfig) {
    super(problems.map(formatNotice).join('\n'));
    this.rest = rest;
    this.problems = problems;
    this.notices = notices;
  }
}
