import type { Chapter } from './chapter.js';
import { COMPOSE } from './compose.js';
import { FILES } from './files.js';
import { IMAGES } from './images.js';
import { LIFE } from './life.js';
import { LIMITS } from './limits.js';
import { LOOKS } from './looks.js';
import { NETWORKS } from './networks.js';
import { RUN } from './run.js';
import { STREAMS } from './streams.js';
import { SYSTEM } from './system.js';
import { VOLUMES } from './volumes.js';

/** What courses on docker teach, command by command. The image `box` is there: busybox, whose command is sh. */
export const CHAPTERS: readonly Chapter[] = [
  RUN,
  LIMITS,
  LOOKS,
  LIFE,
  STREAMS,
  FILES,
  IMAGES,
  VOLUMES,
  NETWORKS,
  SYSTEM,
  COMPOSE,
];
