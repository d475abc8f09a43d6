/** What needs no quotes in `key=value`, as in the reference registry's logs. */
const BARE = /^[A-Za-z0-9\-._/@^+]+$/;
/** Characters that terminals obey or hide, beyond those that JSON escapes by itself: DEL, C1, marks of direction. */
const INVISIBLE = /[\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Makes JSON, or text quoted as JSON, safe to show: the same value, with nothing that acts on a terminal. */
export function escapeInvisible(json: string): string {
  return json.replace(INVISIBLE, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `time="2026-01-31T10:00:00.000Z" level=info msg="listening" address="127.0.0.1:5000"`, without a newline. */
export function formatText(entry: Readonly<Record<string, unknown>>): string {
  const { time, level, msg, ...fields } = entry;
  const pairs = [`time=${word(time)}`, `level=${word(level)}`, `msg=${word(msg)}`];
  for (const [key, value] of Object.entries(fields)) pairs.push(`${bareKey(key)}=${word(value)}`);
  return pairs.join(' ');
}

function word(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return BARE.test(text) ? text : escapeInvisible(JSON.stringify(text));
}

function bareKey(key: string): string {
  return key === '' ? '_' : key.replace(/[^A-Za-z0-9\-._/@]/g, '_');
}
