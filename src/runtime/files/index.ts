/**
 * Files of one container, looked at from inside: a process of our own (files-worker.ts) mounts them in a namespace of its own,
 * makes them its root and then does as it is told, so that no path, link or race of a hostile container leads to a file of
 * the machine. Start with files-process.ts.
 */

export { type FilesPlace, FilesProcess } from './files-process.js';
export type { FileStat, WriteOptions } from './merged-files.js';
export type { MountedPlace } from './mounted-places.js';
