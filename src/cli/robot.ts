import { readFile } from 'node:fs/promises';
import {
  formatRobots,
  globAt,
  hashSecret,
  isAction,
  isRobotName,
  newSecret,
  parseRobots,
  type Robot,
  robotUser,
} from '../registry/auth/index.js';
import { reasonOf } from '../registry/system-error.js';
import { UsageError } from './failure.js';
import type { Terminal } from './password.js';
import { editServerFile, type ServerFile } from './server-file.js';
import { textTable, timeCell } from './text-table.js';

/** `file` is the file of robots that the registry reads. */
export type RobotOptions = ServerFile & Readonly<{ terminal: Terminal }>;
export type NamedRobotOptions = RobotOptions & Readonly<{ name: string }>;
export type AddRobotOptions = NamedRobotOptions &
  Readonly<{
    repositories: readonly string[];
    actions: readonly string[];
    /** From now on; without it there is no end. */
    expiresInMs?: number | undefined;
  }>;

/** `berth robot add`: the secret is printed, and kept nowhere. */
export async function addRobot(options: AddRobotOptions): Promise<void> {
  const { file, name, terminal } = options;
  const secret = newSecret();
  const robot = newRobot(options, hashSecret(secret));
  const ownership = await edit(options, (robots) => {
    if (robots.some((other) => other.name === name))
      throw new Error(
        `${file} has a robot ${name} already; remove it with: berth robot rm ${name} --file ${file}`,
      );
    return [...robots, robot];
  });
  terminal.output.write(`${secret}\n`);
  const end = robot.expiresAt ? `until ${timeCell(robot.expiresAt)}` : 'for ever';
  terminal.notes.write(
    `robot added to ${file}${ownership}; it logs in as ${robotUser(name)} with this secret ${end}\n`,
  );
}

/** `berth robot rm` */
export async function removeRobot(options: NamedRobotOptions): Promise<void> {
  const { file, name: given, terminal } = options;
  const name = given.replace(/^robot\+/, '');
  await edit(options, (robots) => {
    const others = robots.filter((robot) => robot.name !== name);
    if (others.length === robots.length) throw new Error(`${file} has no robot ${JSON.stringify(name)}`);
    return others;
  });
  terminal.notes.write(`robot ${name} removed from ${file}\n`);
}

/** `berth robot list` */
export async function listRobots({ file, terminal }: RobotOptions): Promise<void> {
  const content = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw new Error(`cannot read ${file}: ${reasonOf(error)}`, { cause: error });
  });
  const rows = robotsIn(content, file)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, repositories, actions, createdAt, expiresAt }) => [
      robotUser(name),
      repositories.join(','),
      actions.join(','),
      timeCell(createdAt),
      timeCell(expiresAt),
    ]);
  terminal.output.write(textTable([['USER', 'REPOSITORIES', 'ACTIONS', 'CREATED', 'EXPIRES'], ...rows]));
}

function newRobot({ name, repositories, actions, expiresInMs }: AddRobotOptions, hash: string): Robot {
  if (!isRobotName(name))
    throw new UsageError(
      `${JSON.stringify(name)} cannot be the name of a robot: use letters, digits, . _ - and no more than 100`,
    );
  for (const pattern of repositories) checkPattern(pattern);
  const known = actions.filter(isAction);
  const odd = actions.find((action) => !isAction(action));
  if (odd !== undefined)
    throw new UsageError(`--actions: ${JSON.stringify(odd)} is not pull, push or delete`);
  if (expiresInMs !== undefined && !(expiresInMs > 0))
    throw new UsageError('--expires: a robot cannot expire before it is there');
  const createdAt = new Date();
  const expiresAt = expiresInMs === undefined ? undefined : new Date(createdAt.getTime() + expiresInMs);
  return { name, hash, repositories, actions: known, createdAt, expiresAt };
}

function checkPattern(pattern: string): void {
  try {
    globAt(pattern, '--repo');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** @returns as {@link editServerFile}. */
function edit(served: ServerFile, change: (robots: readonly Robot[]) => readonly Robot[]): Promise<string> {
  return editServerFile(served, (content) =>
    Buffer.from(formatRobots(change(robotsIn(content, served.file)))),
  );
}

function robotsIn(content: Buffer, file: string): Robot[] {
  try {
    return parseRobots(content.toString());
  } catch (error) {
    throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}; mend it first`);
  }
}
