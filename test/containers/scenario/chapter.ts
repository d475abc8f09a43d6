/** What of a result may differ: it is cut out on both sides. */
export type Accepted = Readonly<{ what: RegExp; why: string }>;

/** A line of shell, in which `docker` is docker's client. */
export type Step = string | Readonly<{ line: string; accepted: readonly Accepted[] }>;

/** Lines that are run one after the other; what a chapter makes it also removes. */
export type Chapter = Readonly<{ title: string; steps: readonly Step[] }>;

/** Of every line. */
export const ACCEPTED: readonly Accepted[] = [
  {
    what: /failed to create shim task: |OCI runtime (create|exec) failed: |: unknown$/gm,
    why: 'names of parts that docker has between its daemon and runc',
  },
];

export const WORDS: Accepted = {
  what: /(?<=error response from daemon: ).*/gi,
  why: 'errors have words of their own where those of docker tell less; that there is one is compared',
};

export const EMPTY: Accepted = {
  what: /null|\[\]|\{\}/g,
  why: 'what is empty is null in some versions of docker, and [] or {} in others',
};

/** Waits until a command succeeds, for some twelve seconds; not often, as a client that starts costs more than what it asks for. */
export const until = (condition: string) => `for i in $(seq 40); do ${condition} && break; sleep 0.3; done`;
