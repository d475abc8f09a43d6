/** Linux signals of x86-64 and arm64, by name without SIG. signal(7). */
const SIGNALS: ReadonlyMap<string, number> = new Map(
  (
    'HUP=1 INT=2 QUIT=3 ILL=4 TRAP=5 ABRT=6 IOT=6 BUS=7 FPE=8 KILL=9 USR1=10 SEGV=11 USR2=12 PIPE=13 ALRM=14 ' +
    'TERM=15 STKFLT=16 CHLD=17 CLD=17 CONT=18 STOP=19 TSTP=20 TTIN=21 TTOU=22 URG=23 XCPU=24 XFSZ=25 VTALRM=26 ' +
    'PROF=27 WINCH=28 IO=29 POLL=29 PWR=30 SYS=31 UNUSED=31'
  )
    .split(' ')
    .map((pair) => pair.split('='))
    .map(([name = '', number]) => [name, Number(number)]),
);

/** What a program ends with whose output nobody takes any more: as by SIGPIPE, in a shell's words. */
export const READER_GONE = 128 + 13;

const RTMIN = 34;
const RTMAX = 64;

/**
 * The number of a signal: `9`, `KILL`, `SIGKILL`, `sigkill`, `RTMIN+3`, `SIGRTMAX-1`.
 * @throws {RangeError} no such signal.
 */
export function parseSignal(text: string): number {
  const number = /^\d{1,3}$/.test(text) ? Number(text) : byName(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number < 1 || number > RTMAX) {
    throw new RangeError(
      `unknown signal ${JSON.stringify(text)}; write a name as in SIGTERM, or a number from 1 to ${RTMAX}`,
    );
  }
  return number;
}

function byName(name: string): number | undefined {
  const [, end, offset = '0'] = /^RT(MIN|MAX)([-+]\d{1,2})?$/.exec(name) ?? [];
  if (end === undefined) return SIGNALS.get(name);
  const number = (end === 'MIN' ? RTMIN : RTMAX) + Number(offset);
  return number >= RTMIN ? number : undefined;
}
