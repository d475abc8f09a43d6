import { expect } from 'vitest';
import type { Answer } from './answer.ts';
import type { Client } from './client.ts';

const MAX_PAGES = 100;

/** @returns where the next page is; `undefined` on the last one. RFC 8288 section 3. */
function nextPage(answer: Answer): URL | undefined {
  const link = answer.header('Link');
  if (link === undefined) return undefined;
  const [, target = ''] = /^\s*<([^>]*)>\s*;.*\brel="?next"?/i.exec(link) ?? [];
  if (target === '') expect.fail(`${answer}: Link ${link} is not <...>; rel="next"`);
  return new URL(target, answer.url);
}

/** The page given and all behind it. @throws there is no end to them. */
export async function pagesFrom(client: Client, first: Answer): Promise<Answer[]> {
  const pages = [first];
  for (let next = nextPage(first); next; ) {
    const page = await client.read('GET', next);
    pages.push(page);
    if (pages.length > MAX_PAGES) expect.fail(`${page}: still a Link after ${MAX_PAGES} pages`);
    next = nextPage(page);
  }
  return pages;
}

/** The form that every client understands. */
export function expectNextLink(answer: Answer): void {
  expect(answer.headerLines('Link').length, 'number of Link headers').toBe(1);
  expect(answer.header('Link'), `${answer}: Link`).toMatch(/^<\/[^>]*>; ?rel="next"$/);
}
