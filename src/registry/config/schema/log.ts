import { z } from 'zod';
import { anything, choice, flag, section, text, texts } from './fields.js';

const LEVELS = ['error', 'warn', 'info', 'debug'] as const;

/** `INFO` is as good as `info`. */
function level(description: string) {
  return z
    .string()
    .meta({
      description,
      pattern: `^(${[...LEVELS, ...LEVELS.map((each) => each.toUpperCase())].join('|')})$`,
    })
    .transform((value) => value.toLowerCase())
    .pipe(z.enum(LEVELS));
}

const hook = z.strictObject({
  type: text('Kind of hook; the reference knows `mail`.'),
  disabled: flag('Leaves the hook out.'),
  levels: texts('Levels of messages that run the hook.'),
  options: section('Options of a mail hook.', {
    smtp: section('The mail server.', {
      addr: text('Address of the mail server, host:port.'),
      username: text('User at the mail server.'),
      password: text('Password at the mail server.'),
      insecure: flag('Does not verify the certificate of the mail server.'),
    }),
    from: text('Sender of the mails.'),
    to: texts('Receivers of the mails.'),
  }),
});

export const log = section('What is logged, and how.', {
  level: level('Least level that is logged: error, warn, info or debug.').prefault('info'),
  formatter: choice('Form of a log line.', ['text', 'json', 'logstash']).default('text'),
  fields: anything('Fields added to every log line.').default({}),
  accesslog: section('One line for each request, in the combined log format.', {
    disabled: flag('Writes no access log.'),
  }),
  reportcaller: flag('Adds the place in the source to each line.'),
  hooks: z.array(hook).meta({ description: 'What else happens on a log message.' }).default([]),
});

/** Old spelling of `log.level`. */
export const loglevel = level('Old spelling of log.level, which wins when both are given.').meta({
  deprecated: true,
});
