export const PROGRESS_MODES = ['auto', 'plain', 'json', 'quiet'] as const;
/** How a command shows what it is doing: `auto` draws on a terminal and writes plain lines elsewhere. */
export type ProgressMode = (typeof PROGRESS_MODES)[number];
