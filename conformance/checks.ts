import { expect } from 'vitest';
import type { Answer } from './answer.ts';
import type { Blob } from './content.ts';

/** @throws with the whole answer in the message, which is all that a report shows. */
export function expectStatus(answer: Answer, ...wanted: number[]): void {
  if (!wanted.includes(answer.status)) expect.fail(`${answer}; want ${wanted.join(' or ')}`);
}

/** A client error, whichever: the request is wrong, so 5xx would blame the wrong side. RFC 9110 section 15.5. */
export function expectRefused(answer: Answer, why: string): void {
  if (answer.status < 400 || answer.status > 499) expect.fail(`${answer}; want 4xx for ${why}`);
}

export function expectHeader(answer: Answer, name: string, wanted: string | RegExp): void {
  const value = answer.header(name);
  const fits = typeof wanted === 'string' ? value === wanted : value !== undefined && wanted.test(value);
  if (!fits)
    expect.fail(
      `${answer}: ${name} is ${value === undefined ? 'absent' : JSON.stringify(value)}; want ${wanted}`,
    );
}

export function expectBytes(answer: Answer, wanted: Uint8Array): void {
  expectStatus(answer, 200);
  if (!answer.body.equals(wanted)) {
    expect.fail(
      `${answer}: the body is not what was pushed (${answer.body.length} bytes; want ${wanted.length})`,
    );
  }
}

/** HEAD: the length that GET would have. That no body follows is D17.5's business. RFC 9110 section 9.3.2. */
export function expectHead(answer: Answer, content: Blob): void {
  expectStatus(answer, 200);
  expectHeader(answer, 'Content-Length', String(content.bytes.length));
  expectHeader(answer, 'Docker-Content-Digest', content.digest);
}

/** The status and the first error code, in the shape of spec.md, "Error Codes". */
export function expectError(answer: Answer, status: number, code: string): void {
  expectStatus(answer, status);
  const codes = errorCodes(answer);
  if (codes[0] !== code) expect.fail(`${answer}; want the code ${code}`);
}

/** Codes in the body, first one first; `[]` when it is not JSON or not of the shape. */
export function errorCodes(answer: Answer): string[] {
  try {
    const { errors } = answer.json() as { errors?: unknown };
    return Array.isArray(errors)
      ? errors.map((error) => String((error as { code?: unknown } | null)?.code))
      : [];
  } catch {
    return []; // a body may be anything, and then has no codes
  }
}

/** Last byte that an upload has, from `Range: 0-<end>`. @throws the header is absent or of another form. */
export function uploadedEnd(answer: Answer): number {
  // Without "bytes=": clients scan for two plain numbers. spec.md, "Pushing a blob in chunks".
  expectHeader(answer, 'Range', /^0-\d+$/);
  return Number(answer.header('Range')?.slice(2));
}
