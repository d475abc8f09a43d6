// Bundles src/ into dist/: one CommonJS chunk for each command, because requiring those starts three times
// faster than loading the same files as ES modules.

import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { assertWhenCalled, fewMediaTypes, logsWithoutThreads, programsWhenStarted } from './start-up.mjs';

const rolldown = await import('rolldown').catch(() => undefined);
if (rolldown === undefined) {
  // `prepare` also runs for `npm install --omit=dev` and `--package-lock-only`, where there is nothing to build with.
  if (process.argv.includes('--if-possible')) process.exit(0);
  throw new Error('rolldown is not installed: run npm ci first');
}

const root = fileURLToPath(new URL('../', import.meta.url));
const bundle = await rolldown.rolldown({
  cwd: root,
  input: {
    berth: 'src/cli/main.ts',
    'files-worker': 'src/runtime/files/files-worker.ts',
    'hash-worker': 'src/content/hash-worker.ts',
    'many-files-worker': 'src/storage/filesystem/many-files-worker.ts',
    'user-namespace-worker': 'src/runtime/user-namespace-worker.ts',
  },
  platform: 'node',
  external: ['@node-rs/bcrypt'],
  resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
  plugins: [fewMediaTypes, programsWhenStarted, assertWhenCalled, logsWithoutThreads],
  // A file of ours does nothing by being read: of a folder's index only what is used of it is loaded.
  treeshake: { moduleSideEffects: [{ test: /\/src\//, sideEffects: false }] },
  logLevel: 'warn',
  checks: {
    eval: false, // of a dependency of Koa, in code that names the caller of deprecated functions
    ineffectiveDynamicImport: false, // what is loaded late from one place may be loaded early from another
  },
});
const output = {
  dir: 'dist',
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: 'chunks/[name]-[hash].cjs',
  // Each file takes as long to find and open as 100 KB take to read; left alone, a build would have 26 of them.
  codeSplitting: {
    groups: [
      {
        name: 'base',
        test: /\/package\.json$|\/src\/cli\/(at-once|failure|image-store|image-units|progress-plain|transfer-bars)\.ts$|\/system-error\.ts$|\/src\/spelling\/|programs-when-started/,
      },
      {
        name: 'content',
        test: /\/src\/(oci|sqlite|content)\/|\/src\/cli\/build-flags\.ts$/,
        minShareCount: 2,
      },
      { name: 'images', test: /\/src\/(layer|image|linux)\//, minShareCount: 2 },
      { name: 'containers', test: /\/src\/runtime\/(?!cdi)/, minShareCount: 2 },
      { name: 'builder', test: /\/src\/(builder\/|cli\/build-(?!command))/, minShareCount: 2 },
      {
        name: 'registry',
        test: /\/src\/(storage|index|registry\/(auth|http|repositories|tls))\//,
        minShareCount: 2,
      },
      {
        name: 'serving',
        test: /\/src\/(locks|memory|registry\/(config\/(address|durations|upstream-rules)|operations|upstreams\/errors)|cli\/(check-index|collect-garbage|local-folder|open-index|open-mirrors|open-store|schedule|serve-start|settings|worker))(\/|\.ts$)/,
        minShareCount: 2,
      },
    ],
  },
  // One character beyond ASCII, in a comment even, makes V8 keep and read two bytes for each. Lines and names stay, for
  // stack traces.
  comments: false,
  charset: 'ascii',
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
};
await bundle.generate(output); // what does not compile leaves the last bundle in place
await rm(`${root}/dist`, { recursive: true, force: true });
await bundle.write(output);
await bundle.close();
