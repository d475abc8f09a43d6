import pino from 'pino';
import type { Config } from '../config/index.js';
import type { Logger } from '../logger.js';
import { presentFields } from './log-fields.js';
import { escapeInvisible, formatText } from './log-text.js';
import { type LineSink, openOutput } from './output.js';

/** A logger whose children add fields to each of their lines. */
export interface ServerLogger extends Logger {
  child(fields: object): ServerLogger;
}

type LogConfig = Pick<Config['log'], 'level' | 'formatter' | 'fields'>;

/** The reference registry says `warning`; whatever reads its logs looks for that. */
const LEVEL_NAMES: Readonly<Record<string, string>> = { warn: 'warning' };

/** One line for each entry, whatever is in it; on standard error unless `output` says otherwise. */
export function createLogger(config: LogConfig, output?: LineSink): ServerLogger {
  const options = { stacks: config.level === 'debug' };
  const sink = output ?? openOutput(2, { buffered: false });
  const logger = pino(
    {
      level: config.level,
      errorKey: 'error',
      ...SHAPES[config.formatter],
      base: { ...SHAPES[config.formatter].base, ...presentFields(config.fields, options) },
      formatters: {
        level: (label) => ({ level: LEVEL_NAMES[label] ?? label }),
        log: (fields) => presentFields(fields, options),
      },
    },
    config.formatter === 'text' ? textSink(sink) : jsonSink(sink),
  );
  return wrap(logger, (fields) => presentFields(fields, options));
}

const now = () => new Date().toISOString();
/** What each formatter calls the parts that every line has. */
const SHAPES = {
  text: { base: {}, messageKey: 'msg', timestamp: () => `,"time":"${now()}"` },
  json: { base: {}, messageKey: 'msg', timestamp: () => `,"time":"${now()}"` },
  logstash: {
    base: { '@version': '1' },
    messageKey: 'message',
    timestamp: () => `,"@timestamp":"${now()}"`,
  },
} as const satisfies Record<Config['log']['formatter'], pino.LoggerOptions>;

function wrap(logger: pino.Logger, presented: (fields: object) => object): ServerLogger {
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    // pino takes the fields of a child as they are.
    child: (fields) => wrap(logger.child(presented(fields)), presented),
  };
}

function jsonSink(output: LineSink): LineSink {
  return { write: (line) => output.write(escapeInvisible(line)) };
}

/** Application logs are few: reading pino's line again costs less than a second logger would. */
function textSink(output: LineSink): LineSink {
  return { write: (line) => output.write(`${formatText(JSON.parse(line))}\n`) };
}
