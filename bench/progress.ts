const began = performance.now();

/** One line for whoever watches, with the time since the start. */
export function progress(what: string): void {
  process.stderr.write(`${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s  ${what}\n`);
}
