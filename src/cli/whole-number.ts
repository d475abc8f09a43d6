import { InvalidArgumentError } from 'commander';

/** For values of options. */
export function parseWholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,9}$/.test(text) && number >= least) return number;
    throw new InvalidArgumentError(`a number from ${least} on is needed.`);
  };
}
