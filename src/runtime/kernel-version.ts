import { release } from 'node:os';

/** @param wanted such as `5.19`. @param kernel as the kernel tells its release: `6.1.0-13-amd64`. */
export function isKernelAtLeast(wanted: string, kernel = release()): boolean {
  const [major = 0, minor = 0] = numbersOf(kernel);
  const [wantedMajor = 0, wantedMinor = 0] = numbersOf(wanted);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function numbersOf(version: string): number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10));
}
