import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import type { ByteRange } from '../driver.js';
import type { Body, SignedRequest } from './body-connections.js';
import type { S3Connection } from './connection.js';

const MAX_ERROR_BYTES = 64 * 1024;

/** @returns an object, or a range of it, as it comes. @throws 404; 416 where the range begins behind the end. */
export async function getObject(
  connection: S3Connection,
  key: string,
  range?: ByteRange,
): Promise<{ body: Body; fileSize: number }> {
  return connection.request('GetObject', key, async (client) => {
    const command = new GetObjectCommand({
      Bucket: connection.bucket,
      Key: key,
      ...(range ? { Range: `bytes=${range.start}-${range.end - 1}` } : {}),
    });
    let found: Body | undefined;
    // The SDK signs the request and understands the answer, but its bytes do not pass through the streams of the SDK.
    command.middlewareStack.add(
      () => async (args) => {
        const { head, body } = await connection.bodies.get(args.request as SignedRequest);
        const { statusCode, headers } = head;
        if (statusCode >= 300) return answer(statusCode, headers, await errorOf(body));
        found = body;
        return answer(statusCode, headers, Readable.from([]));
      },
      { step: 'deserialize', priority: 'low', name: 'bodyConnection' },
    );
    try {
      const { ContentLength, ContentRange } = await client.send(command);
      if (found === undefined) throw new TypeError('the SDK sent no request');
      const total = /\/(\d+)$/.exec(ContentRange ?? '')?.[1];
      return { body: found, fileSize: Number(total ?? ContentLength ?? 0) };
    } catch (error) {
      found?.close();
      throw error;
    }
  });
}

/** For the SDK, which gives what it makes of `response`. */
function answer(statusCode: number, headers: Readonly<Record<string, string>>, body: Readable | Uint8Array) {
  return { response: { statusCode, headers, body } };
}

async function errorOf(body: Body): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for (;;) {
    const piece = await body.take();
    bytes += piece.byteLength;
    if (piece.byteLength === 0 || bytes > MAX_ERROR_BYTES) break;
    pieces.push(Buffer.from(piece));
  }
  body.close();
  return Buffer.concat(pieces);
}
