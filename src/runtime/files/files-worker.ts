// Looks at the files of a container from inside. Started by files-process.ts, in a mount namespace of its own, with what to
// enter as JSON; ends when that process closes the channel or is gone.

import { Channel } from '../channel.js';
import { ChangedFiles, type ChangedPlace } from './changed-files.js';
import { MergedFiles, type MergedPlace, type WriteOptions } from './merged-files.js';

const place = JSON.parse(process.argv[2] ?? '{}') as MergedPlace | ChangedPlace;
let merged: MergedFiles | undefined;
let changed: ChangedFiles | undefined;

new Channel(process, {
  enter: () => {
    if (place.kind === 'merged') merged = new MergedFiles(place);
    else changed = new ChangedFiles(place);
  },
  mountAll: () => merged?.mountAll(),
  stat: (path: string) => merged?.stat(path),
  read: (request: Readonly<{ path: string; name: string }>) => merged?.read(request),
  write: (options: WriteOptions) => merged?.write(options),
  list: () => changed?.list(),
  writeLayer: () => changed?.writeLayer(),
});

// The terminal sends these to us too; the process outside decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
process.once('disconnect', () => process.exit(0));
