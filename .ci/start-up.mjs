// What the bundle leaves out of libraries that would take its time at each start, and gives nothing back.

/** Media types that Koa names by a short name. We write ours out. */
const KOA_TYPES = ['text/html', 'text/plain', 'application/json', 'application/octet-stream'];

/** Koa's dependencies sort the thousands of media types that there are, twice: 40 % of the start of an empty Node. */
export const fewMediaTypes = {
  name: 'few-media-types',
  transform: {
    filter: { id: /\/mime-db\/db\.json$/ },
    handler(code) {
      const all = JSON.parse(code);
      return JSON.stringify(Object.fromEntries(KOA_TYPES.map((type) => [type, all[type]])));
    },
  },
};

/**
 * commander can start programs, which nobody asks of it, and few layers are unpacked by other programs; child_process
 * brings all of Node's network with it.
 */
export const programsWhenStarted = whenCalled(
  'programs-when-started',
  'child_process',
  /\/commander\/|\/layer\/unpack-program/,
  'export const spawn = (...all) => builtin().spawn(...all); export default { spawn };',
);

/** Koa and sonic-boom assert what they are given; what compares and prints for that takes milliseconds to load. */
export const assertWhenCalled = whenCalled(
  'assert-when-called',
  'assert',
  /\/(koa|sonic-boom)\//,
  'module.exports = (condition, message) => condition || builtin()(condition, message);',
);

/** pino can write logs in threads, which ours does not. */
export const logsWithoutThreads = {
  name: 'logs-without-threads',
  load: { filter: { id: /\/thread-stream\/index\.js$/ }, handler: () => 'module.exports = undefined;' },
};

/** @param exports code that stands for a module of Node's, which `builtin()` loads. */
function whenCalled(name, module, importers, exports) {
  const id = `\0${name}`;
  return {
    name,
    resolveId: {
      filter: { id: new RegExp(`^(node:)?${module}$`) },
      handler: (_, importer) => (importers.test(importer) ? id : undefined),
    },
    load: {
      filter: { id: new RegExp(`^${id}$`) },
      handler: () => `const builtin = () => process.getBuiltinModule('node:${module}'); ${exports}`,
    },
  };
}
