type Element = Readonly<{ tag: number; content: Buffer }>;

const EXTENSIONS = 0xa3;
const INTEGER = 0x02;
const OCTET_STRING = 0x04;
/** 2.5.29.19 */
const BASIC_CONSTRAINTS = Buffer.from([0x55, 0x1d, 0x13]);

/**
 * How many authorities may stand between this one and the certificate that a chain is about: Node does not tell.
 * @param der a certificate that was parsed already. @returns infinity where it does not say. RFC 5280 section 4.2.1.9.
 */
export function pathLengthOf(der: Buffer): number {
  const [certificate] = elementsOf(der);
  const [body] = elementsOf(certificate?.content);
  const extensions = elementsOf(body?.content).find(({ tag }) => tag === EXTENSIONS);
  const [list] = elementsOf(extensions?.content);
  const constraints = elementsOf(list?.content)
    .map(({ content }) => elementsOf(content))
    .find(([name]) => name?.content.equals(BASIC_CONSTRAINTS));
  const [value] = elementsOf(constraints?.find(({ tag }) => tag === OCTET_STRING)?.content);
  const length = elementsOf(value?.content).find(({ tag }) => tag === INTEGER)?.content;
  return length === undefined ? Number.POSITIVE_INFINITY : Number(`0x${length.toString('hex')}`);
}

/** ITU-T X.690 section 8.1. */
function elementsOf(der: Buffer = Buffer.alloc(0)): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 1 < der.length; ) {
    const [tag = 0, first = 0] = der.subarray(at, at + 2);
    const longer = first > 0x80 ? first - 0x80 : 0;
    const begin = at + 2 + longer;
    const end = begin + (longer > 0 ? der.readUIntBE(at + 2, longer) : first);
    elements.push({ tag, content: der.subarray(begin, end) });
    at = end;
  }
  return elements;
}
