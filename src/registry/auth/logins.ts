import { OciError } from '../../oci/index.js';
import type { Caller, KnownUser, Login, PasswordAuthenticator, Subject } from './authenticator.js';
import { basicChallenge, type Credentials, parseBasic } from './basic.js';
import type { Robots } from './robots.js';
import { isRobotUser } from './robots-file.js';

/** Jobs of CI services, which show what the service says of them in place of a password. */
export interface JobLogins {
  /** @throws {OciError} UNAUTHORIZED: it is not right, or no rule is about it. UNAVAILABLE: that cannot be found out now. */
  authenticate(token: Buffer): Promise<KnownUser>;
  /** @param subject as any token may have it, whether or not we gave that. */
  recall(subject: Subject): Login | undefined;
}

/** What jobs log in as. */
export const JOB_USER = 'oidc';

/** All who can log in: users with their passwords, robots, and jobs. */
export class Logins implements PasswordAuthenticator {
  readonly canLogIn = true;
  readonly #users: PasswordAuthenticator | undefined;
  readonly #robots: Robots | undefined;
  readonly #jobs: JobLogins | undefined;

  constructor(logins: {
    users: PasswordAuthenticator | undefined;
    robots: Robots | undefined;
    jobs: JobLogins | undefined;
  }) {
    this.#users = logins.users;
    this.#robots = logins.robots;
    this.#jobs = logins.jobs;
  }

  challenge(): string {
    return this.#users?.challenge() ?? basicChallenge('Registry');
  }

  async authenticate(header: string | undefined): Promise<Caller> {
    const credentials = parseBasic(header);
    if (credentials === undefined) return { identity: 'anonymous', proven: false };
    const known = this.#known(credentials);
    if (known !== undefined) return { identity: await known, proven: true };
    if (this.#users !== undefined) return this.#users.authenticate(header);
    throw new OciError('UNAUTHORIZED', 'wrong user name or password');
  }

  #known(credentials: Credentials): Promise<KnownUser> | undefined {
    const { user, password } = credentials;
    if (this.#robots && isRobotUser(user)) return this.#robots.authenticate(credentials);
    if (this.#jobs && user === JOB_USER) return this.#jobs.authenticate(password);
    return undefined;
  }

  async recall(subject: Subject): Promise<Login | undefined> {
    if (subject.job !== undefined) return this.#jobs?.recall(subject);
    if (this.#robots && isRobotUser(subject.user)) return this.#robots.recall(subject.user);
    return this.#users?.recall(subject);
  }

  close(): void {
    this.#users?.close();
  }
}
