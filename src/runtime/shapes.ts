/** What is wrong with a value, in words for a person, or that it is as it should be: `undefined`. */
export type Shape = (value: unknown) => string | undefined;
export type Shapes = Readonly<Record<string, Shape>>;

export const text: Shape = (value) => (typeof value === 'string' ? undefined : 'must be text');
export const number: Shape = (value) => (Number.isSafeInteger(value) ? undefined : 'must be a whole number');
export const flag: Shape = (value) => (typeof value === 'boolean' ? undefined : 'must be true or false');
export const object: Shape = (value) => (isObject(value) ? undefined : 'must be an object');

export function listOf(shape: Shape): Shape {
  return (value) => {
    if (!Array.isArray(value)) return 'must be a list';
    const wrong = value.map(shape).find((each) => each !== undefined);
    return wrong && `has an element that ${wrong}`;
  };
}

export function orNull(shape: Shape): Shape {
  return (value) => (value === null ? undefined : shape(value));
}

export function mapOf(shape: Shape): Shape {
  return (value) => {
    if (!isObject(value)) return 'must be an object';
    const wrong = Object.entries(value).find(([, each]) => shape(each) !== undefined);
    return wrong && `has a member ${JSON.stringify(wrong[0])} that ${shape(wrong[1])}`;
  };
}

/** Members that are null are as good as none. */
export function objectOf(shapes: Shapes): Shape {
  const members = Object.entries(shapes); // once: hundreds of values may be looked at
  return (value) => {
    if (!isObject(value)) return 'must be an object';
    const wrong = members.find(([name, shape]) => value[name] != null && shape(value[name]) !== undefined);
    return wrong && `has a ${wrong[0]} that ${wrong[1](value[wrong[0]])}`;
  };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
