import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Engine } from './engine.js';
import type { EngineRequest } from './request.js';

/** One request, and how it is answered. */
export type EngineCall = EngineRequest &
  Readonly<{
    message: IncomingMessage;
    answer: ServerResponse;
    /** Ends the work: the client has gone away, or the engine cannot wait any longer. */
    signal: AbortSignal;
    /** Ends what would go on for ever: the engine is stopping. */
    stopping: AbortSignal;
  }>;

/** Answers one operation. What it throws is answered for it, see failure.ts. */
export type Handler = (engine: Engine, call: EngineCall) => Promise<void> | void;

export function sendJson(answer: ServerResponse, value: unknown, status = 200): void {
  const body = Buffer.from(`${JSON.stringify(value)}\n`); // of a long text Node makes two more
  answer.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': body.length });
  answer.end(body);
}

/** One request whose connection the client wants for itself. */
export type HijackCall = Omit<EngineCall, 'answer'> &
  Readonly<{ socket: Duplex /** What has come after the headers. */; head: Buffer }>;

/** Answers 101, or throws before. */
export type HijackHandler = (engine: Engine, call: HijackCall) => Promise<void>;

/** For what was done and has nothing to tell. */
export function sendEmpty(answer: ServerResponse, status: 200 | 201 | 204): void {
  answer.writeHead(status, status === 204 ? {} : { 'Content-Length': 0 });
  answer.end();
}
