import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framingOf, parseHead } from '../../../src/storage/s3/body-framing.js';

describe('parseHead', () => {
  it('reads the status and the headers, names in lower case', () => {
    expect(parseHead('HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nX-A:  1 \r\nx-a: 2')).toEqual({
      version: '1.1',
      statusCode: 206,
      headers: { 'content-length': '5', 'x-a': '1, 2' },
    });
  });

  it.each([
    { text: 'SSH-2.0-OpenSSH_9.2', message: 'does not speak HTTP/1' },
    { text: 'HTTP/2 200', message: 'does not speak HTTP/1' },
    { text: 'HTTP/1.1 200 OK\r\nno colon', message: 'headers cannot be read' },
  ])('refuses $text', ({ text, message }) => {
    expect(() => parseHead(text)).toThrow(message);
  });
});

describe('framingOf', () => {
  it('ends after the length that was told', () => {
    const framing = framed('content-length: 5');
    expect(framing.done).toBe(false);
    expect(text(framing.content(Buffer.from('hel')))).toBe('hel');
    expect(text(framing.content(Buffer.from('lo')))).toBe('lo');
    expect(framing.done).toBe(true);
    expect(() => framing.content(Buffer.from('!'))).toThrow('longer than it said');
  });

  it('is over at once where there is nothing', () => {
    expect(framed('content-length: 0').done).toBe(true);
  });

  it('ends with the connection where nothing tells', () => {
    expect(framed('server: x')).toMatchObject({ endsWithConnection: true, done: false });
  });

  it('puts chunks together, wherever the network cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
        (chunks, cuts) => {
          const framing = framed('transfer-encoding: chunked');
          const sent = Buffer.concat([
            ...chunks.flatMap((chunk) =>
              [`${chunk.length.toString(16)};name=x\r\n`, chunk, '\r\n'].map(bytes),
            ),
            Buffer.from('0\r\nTrailer: 1\r\n\r\n'),
          ]);
          const got: Buffer[] = [];
          for (let at = 0, i = 0; at < sent.length; i += 1) {
            const end = Math.min(sent.length, at + (cuts[i % cuts.length] ?? 1));
            expect(framing.done).toBe(false);
            got.push(Buffer.from(framing.content(Buffer.from(sent.subarray(at, end)))));
            at = end;
          }
          expect(framing.done).toBe(true);
          expect(Buffer.concat(got)).toEqual(Buffer.concat(chunks));
        },
      ),
    );
  });

  it.each([
    { header: 'transfer-encoding: chunked', body: 'x\r\n', message: 'chunks cannot be read' },
    { header: 'transfer-encoding: chunked', body: '1\r\nab\r\n', message: 'chunks cannot be read' },
    { header: 'transfer-encoding: chunked', body: '0\r\n\r\nmore', message: 'longer than it said' },
    { header: 'transfer-encoding: chunked', body: '1'.repeat(9000), message: 'chunks cannot be read' },
  ])('refuses $body', ({ header, body, message }) => {
    expect(() => framed(header).content(Buffer.from(body))).toThrow(message);
  });

  it('refuses a length that is no number', () => {
    expect(() => framed('content-length: 5, 6')).toThrow('no number');
  });
});

function framed(header: string) {
  return framingOf(parseHead(`HTTP/1.1 200 OK\r\n${header}`));
}

function bytes(part: string | Uint8Array): Buffer {
  return Buffer.from(part as string);
}

function text(content: Uint8Array): string {
  return Buffer.from(content).toString();
}
