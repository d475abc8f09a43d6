const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** As docker writes sizes: `4.26MB`, of 1000 bytes and three digits. */
export function humanSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 1000 ? Math.round(value) : Number(value.toPrecision(3))}${UNITS[unit]}`;
}

const BINARY_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** As docker writes memory: `64MiB`, of 1024 bytes and four digits. */
export function binarySize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < BINARY_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${Number(value.toPrecision(4))}${BINARY_UNITS[unit]}`;
}

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** As docker writes durations: `About an hour`, `3 weeks`. */
export function humanDuration(seconds: number): string {
  const whole = Math.floor(seconds);
  if (whole < 1) return 'Less than a second';
  if (whole < MINUTE) return whole === 1 ? '1 second' : `${whole} seconds`;
  const minutes = Math.floor(whole / MINUTE);
  if (minutes < 60) return minutes === 1 ? 'About a minute' : `${minutes} minutes`;
  const hours = Math.floor(seconds / HOUR + 0.5);
  if (hours < 48) return hours === 1 ? 'About an hour' : `${hours} hours`;
  const days = Math.floor(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.floor(days / 7)} weeks`;
  if (days < 730) return `${Math.floor(days / 30)} months`;
  return `${Math.floor(seconds / HOUR / 24 / 365)} years`;
}

/** `3 weeks ago`, or `N/A` for no time. */
export function ago(time: string | undefined, now: number): string {
  const then = Date.parse(time ?? '');
  return Number.isNaN(then) || then <= 0 ? 'N/A' : `${humanDuration(Math.max(0, now - then) / 1000)} ago`;
}

/** As Go prints times: `2024-05-06 07:08:09 +0000 UTC`. */
export function goTime(time: string | undefined): string {
  const then = new Date(time ?? '');
  if (Number.isNaN(then.getTime())) return 'N/A';
  return `${then.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
}

/** Without parts of seconds: `2024-05-06T07:08:09Z`. */
export function rfc3339(time: string | undefined): string {
  const then = new Date(time ?? '');
  return Number.isNaN(then.getTime()) ? 'N/A' : `${then.toISOString().slice(0, 19)}Z`;
}
