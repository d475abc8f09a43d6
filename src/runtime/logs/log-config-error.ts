import { RuntimeError } from '../errors.js';

/** A log driver, or an option of it, that there is not. */
export class InvalidLogConfigError extends RuntimeError {
  override readonly name = 'InvalidLogConfigError';
}
