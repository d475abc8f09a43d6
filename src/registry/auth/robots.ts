import { reasonOf } from '../system-error.js';
import { type KnownUser, type Login, RefusedLoginError } from './authenticator.js';
import type { Credentials } from './basic.js';
import { Grants } from './grants.js';
import { hashSecret, isSecretOf, parseRobots, type Robot, robotUser } from './robots-file.js';
import { type AuthLog, WatchedFile } from './watched-file.js';

type Known = Robot & Readonly<{ grants: Grants }>;

/** What a robot that does not exist is checked against. */
const DECOY = hashSecret('');

/** Programs that log in with a secret of their own, for what their file says. */
export class Robots {
  readonly #file: WatchedFile<ReadonlyMap<string, Known>>;
  readonly #now: () => number;

  /**
   * A file that is missing has no robots, until it is there.
   * @param options `now` in milliseconds since 1970.
   * @throws {Error} the file cannot be read; the message names it.
   */
  static async open(options: { path: string; log: AuthLog; now: () => number }): Promise<Robots> {
    const robots = new Robots(options);
    try {
      await robots.#file.load();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new Error(`berth.robots.path: cannot read robots from ${options.path}: ${reasonOf(error)}`, {
          cause: error,
        });
    }
    return robots;
  }

  private constructor({ path, log, now }: { path: string; log: AuthLog; now: () => number }) {
    this.#now = now;
    this.#file = new WatchedFile<ReadonlyMap<string, Known>>(new Map(), {
      path,
      what: 'robots',
      parse: knownRobots,
      describe: (robots) => ({ robots: robots.size }),
      log,
      now,
    });
  }

  /** @throws {RefusedLoginError} there is no such robot, or not any more, or the secret is wrong. */
  async authenticate({ user, password }: Credentials): Promise<KnownUser> {
    const robot = (await this.#file.content()).get(user);
    const right = isSecretOf(password, robot?.hash ?? DECOY);
    if (!right || robot === undefined) throw new RefusedLoginError(robot && user);
    if (this.#isOver(robot))
      throw new RefusedLoginError(user, `${user} has expired; ask an admin of this registry for another one`);
    return { user, grants: robot.grants };
  }

  async recall(user: string): Promise<Login | undefined> {
    const robot = (await this.#file.content()).get(user);
    if (robot === undefined || this.#isOver(robot)) return undefined;
    const { hash, grants, expiresAt } = robot;
    // Other rights under the same secret are found here with each request.
    return { identity: { user, grants }, fingerprint: hash, until: expiresAt?.getTime() };
  }

  #isOver({ expiresAt }: Robot): boolean {
    return expiresAt !== undefined && expiresAt.getTime() <= this.#now();
  }
}

/** By user name. */
function knownRobots(text: string): Map<string, Known> {
  return new Map(
    parseRobots(text).map((robot) => {
      const grants = new Grants([robot], `the repositories of robot ${robot.name}`);
      return [robotUser(robot.name), { ...robot, grants }];
    }),
  );
}
