import type { IncomingHttpHeaders } from 'node:http';

/** One complete HTTP response, and enough of its request to say what went wrong. */
export class Answer {
  readonly method: string;
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** Whether `100 Continue` came before the final status. */
  readonly continued: boolean;
  /** Whether the body went out, with or without being asked for. */
  readonly bodySent: boolean;

  constructor(fields: {
    method: string;
    url: URL;
    status: number;
    headers: IncomingHttpHeaders;
    rawHeaders: readonly string[];
    body: Buffer;
    continued: boolean;
    bodySent: boolean;
  }) {
    this.method = fields.method;
    this.url = fields.url;
    this.status = fields.status;
    this.headers = fields.headers;
    this.rawHeaders = fields.rawHeaders;
    this.body = fields.body;
    this.continued = fields.continued;
    this.bodySent = fields.bodySent;
  }

  /** The value of a header; repeated headers joined with a comma. */
  header(name: string): string | undefined {
    const lines = this.headerLines(name);
    return lines.length === 0 ? undefined : lines.join(', ');
  }

  /** Every line of a header as it was sent, for headers that must come once. */
  headerLines(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.rawHeaders.filter(
      (_, at) => at % 2 === 1 && this.rawHeaders[at - 1]?.toLowerCase() === wanted,
    );
  }

  /** @throws {Error} the body is not JSON. */
  json(): unknown {
    try {
      return JSON.parse(this.body.toString('utf8'));
    } catch (error) {
      throw new Error(`${this}: the body is not JSON`, { cause: error });
    }
  }

  /** An absolute URL. @throws {Error} there is no `Location`. */
  location(): URL {
    const value = this.headers.location;
    if (value === undefined) throw new Error(`${this}: no Location header`);
    return new URL(value, this.url);
  }

  toString(): string {
    const start = this.body.subarray(0, 160).toString('utf8').replaceAll(/\s+/g, ' ');
    // Registries put long state into the query, which explains nothing.
    const target = `${shortened(this.url.pathname, 200)}${shortened(this.url.search, 60)}`;
    return `${this.method} ${target} answered ${this.status}${start === '' ? '' : ` ${start}`}`;
  }
}

function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
