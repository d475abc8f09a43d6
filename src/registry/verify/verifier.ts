import { BlobPass } from './blob-pass.js';
import { LinkPass } from './link-pass.js';
import { Pass, type VerifyOptions, type VerifyParts } from './pass.js';
import { Tally, type Verification } from './verification.js';
import { VerificationLog } from './verification-log.js';

/**
 * Reads everything that is stored: first all bytes, in the order of their digests, then what leads to them. Reads beside a
 * server, which goes on with pushes and pulls; what is to be changed goes through `repair`.
 */
export class Verifier {
  readonly #parts: VerifyParts;
  readonly #log: VerificationLog;

  constructor(parts: VerifyParts) {
    this.#parts = parts;
    this.#log = new VerificationLog(parts.driver);
  }

  /** @returns `undefined` when `signal` came: the next pass can go on from there. */
  async run(options: VerifyOptions): Promise<Verification | undefined> {
    const mark = options.resume ? await this.#log.mark() : undefined;
    const tally = new Tally(this.#parts.now(), mark);
    const pass = new Pass(this.#parts, options, tally);
    const blobs = new BlobPass(pass, this.#log);
    try {
      await blobs.run();
      await new LinkPass(pass).run();
    } catch (error) {
      if (!options.signal?.aborted) throw error;
    }
    if (options.signal?.aborted) {
      await blobs.keepMark();
      return undefined;
    }
    const verification = tally.result(this.#parts.now());
    if (this.#parts.repair) await this.#log.finish(verification);
    return verification;
  }
}
