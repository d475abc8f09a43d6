/**
 * The output of containers, in the files that conmon writes: read from either end, followed while they grow and are rotated,
 * shown as docker's json-file. Start with read-log.ts; log-rotation.ts keeps them small; log-config.ts is
 * docker's --log-driver and --log-opt.
 */

export { expectLogDriver, type LogConfig, type LogPlan, logPlanOf, logSourceOf } from './log-config.js';
export { jsonFileLine, type LogRecord, type LogStream, utcTime, utcTimeOfUnix } from './log-record.js';
export { type LogLimits, type LogPlace, logCeiling, rotateLog } from './log-rotation.js';
export { type ReadLogOptions, readLog } from './read-log.js';
export { expectSyslog, type SyslogTarget, syslogSender } from './syslog-target.js';
