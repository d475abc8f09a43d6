import { Pace } from './pace.js';
import { type MemberSink, TarFeed } from './tar-feed.js';

const IGNORED: MemberSink = { begin: () => {}, data: () => {}, end: () => {} };

/** Passes a tar on as it is. @throws {TarError} where it turns out to be none, or to end early. */
export async function* wholeTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const feed = new TarFeed(IGNORED);
  const pace = new Pace();
  for await (const chunk of source) {
    feed.push(chunk);
    if (pace.isDue()) await pace.breathe();
    yield chunk;
  }
  feed.finish();
}
