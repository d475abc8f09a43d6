import { InvalidContainerError } from '../errors.js';

/** What `docker run --gpus` asks for: devices that a driver of the daemon's is to choose. */
export type DeviceRequest = Readonly<{
  Driver?: string;
  /** Alternatives, each a list of what all has to be there: `[['gpu']]`. */
  Capabilities?: readonly (readonly string[])[] | null;
}>;

/** There are no such drivers here. @throws {InvalidContainerError} with docker's words: nobody is to believe in a device that is not there. */
export function expectNoRequests(requests: readonly DeviceRequest[] | null | undefined): void {
  const [first] = requests ?? [];
  if (first === undefined) return;
  const { Driver = '', Capabilities } = first;
  const wanted = (Capabilities ?? []).map((all) => `[${all.join(' ')}]`).join(' ');
  throw new InvalidContainerError(
    `could not select device driver ${JSON.stringify(Driver)} with capabilities: [${wanted}]`,
  );
}
