/** The lines that something takes, both from 1 and both included. */
export type Location = Readonly<{ line: number; endLine: number }>;
