import { InvalidContainerError } from '../errors.js';

/** What `docker run --gpus` asks for, and `--device` with a name of CDI: devices that a driver of the daemon's is to choose. */
export type DeviceRequest = Readonly<{
  Driver?: string;
  /** Alternatives, each a list of what all has to be there: `[['gpu']]`. */
  Capabilities?: readonly (readonly string[])[] | null;
  /** Names of CDI, where that is the driver: what `--device vendor.com/class=name` asks for. */
  DeviceIDs?: readonly string[] | null;
}>;

/** There are no such drivers here. @throws {InvalidContainerError} with docker's words: nobody is to believe in a device that is not there. */
export function expectNoRequests(requests: readonly DeviceRequest[] | null | undefined): void {
  const [first] = requests ?? [];
  if (first === undefined) return;
  const { Driver = '', Capabilities, DeviceIDs } = first;
  if (Driver === 'cdi') {
    const names = (DeviceIDs ?? []).join(', ');
    throw new InvalidContainerError(
      `could not select device driver "cdi" for ${names}: containers get devices by their paths, as in --device /dev/fuse`,
    );
  }
  const wanted = (Capabilities ?? []).map((all) => `[${all.join(' ')}]`).join(' ');
  throw new InvalidContainerError(
    `could not select device driver ${JSON.stringify(Driver)} with capabilities: [${wanted}]`,
  );
}
