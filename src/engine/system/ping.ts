import type { Handler } from '../call.js';

/** What clients begin with: it tells them the version to speak, and how to build. */
const HEADERS = {
  'Builder-Version': '1',
  'Cache-Control': 'no-cache, no-store, must-revalidate',
  'Content-Type': 'text/plain; charset=utf-8',
  Pragma: 'no-cache',
  Swarm: 'inactive',
};

export const ping: Handler = (_engine, { answer, message }) => {
  const text = 'OK';
  answer.writeHead(200, { ...HEADERS, 'Content-Length': message.method === 'HEAD' ? 0 : text.length });
  answer.end(message.method === 'HEAD' ? undefined : text);
};
