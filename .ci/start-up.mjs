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

const PROGRAMS = '\0programs-when-started';

/**
 * commander can start programs, which nobody asks of it, and few layers are unpacked by other programs; child_process
 * brings all of Node's network with it.
 */
export const programsWhenStarted = {
  name: 'programs-when-started',
  resolveId: {
    filter: { id: /^node:child_process$/ },
    handler: (_, importer) => (/\/commander\/|\/layer\/unpack-program/.test(importer) ? PROGRAMS : undefined),
  },
  load: {
    filter: { id: new RegExp(PROGRAMS) },
    handler: () =>
      "export const spawn = (...all) => process.getBuiltinModule('node:child_process').spawn(...all);" +
      'export default { spawn };',
  },
};
