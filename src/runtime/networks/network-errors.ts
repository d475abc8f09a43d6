import { RuntimeError } from '../errors.js';

/** No network is called so. */
export class NetworkNotFoundError extends RuntimeError {
  override readonly name = 'NetworkNotFoundError';

  constructor(network: string) {
    super(`network ${network} not found`);
  }
}

/** Another network has the name, or the beginning of an id means several. */
export class NetworkConflictError extends RuntimeError {
  override readonly name = 'NetworkConflictError';
}

/** The network is what it is, or is in use: this cannot be done to it. */
export class NetworkForbiddenError extends RuntimeError {
  override readonly name = 'NetworkForbiddenError';
}

/** What a network, an address or a port is asked to be makes no sense. */
export class InvalidNetworkError extends RuntimeError {
  override readonly name = 'InvalidNetworkError';
}

/** A port of this machine cannot be published: somebody has it. */
export class PortTakenError extends RuntimeError {
  override readonly name = 'PortTakenError';
}
