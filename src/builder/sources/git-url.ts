import { FetchError, shownUrl } from './errors.js';

/** A place in a git repository. */
export type GitUrl = Readonly<{
  /** What git is given: no fragment, no query. */
  remote: string;
  /** `host[:port]`, for secrets; empty for a directory. */
  host: string;
  /** Branch, tag, commit or `refs/…`; the repository's HEAD when absent. */
  ref?: string;
  /** Relative, without dots. */
  subdirectory?: string;
  /** The commit, or how it begins. */
  checksum?: string;
  keepGitDirectory?: boolean;
  submodules: boolean;
}>;

type Options = Readonly<{
  /** `github.com/user/repository` is one too; in ADD it may be a path. */
  shorthand?: boolean;
  /** `file://` is for those who may read all files of this machine. */
  file?: boolean;
}>;

const SCP = /^[a-zA-Z0-9._-]+@([a-zA-Z0-9._-]+):([^/].*|\/.*)$/;

/**
 * Reads `https://host/path.git`, `git://`, `ssh://`, `git@host:path` or `github.com/…`, followed by `#ref:directory`
 * or a query.
 * @returns undefined when it is no address of git.
 * @throws {FetchError} it is one, and what it asks for makes no sense.
 */
export function findGitUrl(text: string, options: Options = {}): GitUrl | undefined {
  const { address, query, fragment } = split(text);
  const place = placeOf(address, options);
  if (place === undefined) return undefined;
  const [ref = '', ...directory] = fragment.split(':');
  const url = { ...place, ...fromQuery(query, text) };
  return checked(
    {
      ...url,
      submodules: url.submodules ?? true,
      ...(ref === '' ? {} : { ref }),
      ...(directory.length === 0 ? {} : { subdirectory: directory.join(':') }),
    },
    text,
  );
}

function split(text: string): { address: string; query: string; fragment: string } {
  const hash = text.indexOf('#');
  const whole = hash < 0 ? text : text.slice(0, hash);
  const fragment = hash < 0 ? '' : text.slice(hash + 1);
  const mark = whole.indexOf('?');
  return mark < 0
    ? { address: whole, query: '', fragment }
    : { address: whole.slice(0, mark), query: whole.slice(mark + 1), fragment };
}

function placeOf(
  address: string,
  { shorthand, file }: Options,
): { remote: string; host: string } | undefined {
  if (shorthand && address.startsWith('github.com/'))
    return { remote: `https://${address}`, host: 'github.com' };
  const scheme = /^([a-z]+):\/\//.exec(address)?.[1];
  if (scheme === undefined) {
    const host = SCP.exec(address)?.[1];
    return host === undefined ? undefined : { remote: address, host };
  }
  const isWeb = scheme === 'https' || scheme === 'http';
  if (isWeb ? !address.endsWith('.git') : !['git', 'ssh', ...(file ? ['file'] : [])].includes(scheme))
    return undefined;
  if (!URL.canParse(address)) return undefined;
  return { remote: address, host: new URL(address).host };
}

type Query = Partial<Pick<GitUrl, 'ref' | 'subdirectory' | 'checksum' | 'keepGitDirectory' | 'submodules'>>;

const NAMES: Readonly<Record<string, (value: string, text: string) => Query>> = {
  ref: (ref) => ({ ref }),
  branch: (name) => ({ ref: `refs/heads/${name.replace(/^refs\/heads\//, '')}` }),
  tag: (name) => ({ ref: `refs/tags/${name.replace(/^refs\/tags\//, '')}` }),
  subdir: (subdirectory) => ({ subdirectory }),
  checksum: (checksum) => ({ checksum }),
  commit: (checksum) => ({ checksum }),
  'keep-git-dir': (value, text) => ({ keepGitDirectory: booleanOf(value, text) }),
  submodules: (value, text) => ({ submodules: booleanOf(value, text) }),
};

function fromQuery(query: string, text: string): Query {
  const parts = [...new URLSearchParams(query)].map(([name, value]) => {
    const read = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
    if (read !== undefined) return read(value, text);
    throw new FetchError(
      `unknown parameter ${JSON.stringify(name)} in ${shownUrl(text)}; there are ${Object.keys(NAMES).join(', ')}`,
    );
  });
  return Object.assign({}, ...parts);
}

function booleanOf(value: string, text: string): boolean {
  if (/^(true|1|)$/i.test(value)) return true;
  if (/^(false|0)$/i.test(value)) return false;
  throw new FetchError(`${JSON.stringify(value)} in ${shownUrl(text)} should be true or false`);
}

/** Nothing that git could take for an option, or that leads out of the repository. */
function checked(url: GitUrl, text: string): GitUrl {
  const { ref, subdirectory, checksum } = url;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (ref !== undefined && (ref.startsWith('-') || /[\x00-\x20~^:?*[\\]|\.\./.test(ref))) {
    throw new FetchError(`not a ref of git: ${JSON.stringify(ref)} in ${shownUrl(text)}`);
  }
  if (checksum !== undefined && !/^[0-9a-f]{4,64}$/.test(checksum)) {
    throw new FetchError(`not the beginning of a commit: ${JSON.stringify(checksum)} in ${shownUrl(text)}`);
  }
  const parts = subdirectory?.split('/').filter((part) => part !== '' && part !== '.') ?? [];
  if (parts.includes('..'))
    throw new FetchError(`the directory ${subdirectory} leads out of ${shownUrl(text)}`);
  const { subdirectory: _, ...rest } = url;
  return parts.length === 0 ? rest : { ...rest, subdirectory: parts.join('/') };
}
