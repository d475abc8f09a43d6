import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { cleanEnvironment, run } from '../support/run.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { Terminal } from '../support/terminal.js';

let folder: TemporaryFolder;
/** Where the shells find the program, beside all others. */
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await temporaryFolder('completion');
  const programs = join(folder.path, 'programs');
  await mkdir(programs);
  await symlink(BERTH, join(programs, 'berth'));
  await mkdir(join(folder.path, 'here'));
  await writeFile(join(folder.path, 'here', 'own.yml'), '');
  const mirror = 'url: https://reg.example, repositories: app';
  await writeFile(
    join(folder.path, 'mirrors.yml'),
    `version: 0.1
storage: { filesystem: { rootdirectory: ${folder.path}/registry } }
http: { addr: localhost:0 }
berth: { mirrors: [{ name: nightly, ${mirror} }, { name: tools, ${mirror} }] }
`,
  );
  const clean = cleanEnvironment({ BERTH_ROOT: join(folder.path, 'root') });
  env = { ...clean, PATH: `${programs}:${clean.PATH}`, HOME: folder.path };
  await run([BERTH, 'import', await writeBusyboxRoot(folder.path), 'localhost:5000/box:1'], { env });
  await run([BERTH, 'create', '--name', 'web', 'localhost:5000/box:1', 'sh'], { env });
  await run([BERTH, 'volume', 'create', 'data'], { env });
  await run([BERTH, 'network', 'create', 'lan'], { env });
});
afterAll(() => folder[Symbol.asyncDispose]());

const SCRIPTS = {
  bash: `source <(berth completion bash)
read -ra COMP_WORDS <<<"$1"; [[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _berth; printf '%s\\n' "\${COMPREPLY[@]}"`,
  fish: 'source (berth completion fish | psub); complete -C "$argv[1]" | string split -f1 \\t; true',
};

/** What a shell offers after these words. */
async function offers(shell: keyof typeof SCRIPTS, line: string): Promise<string[]> {
  const rest = shell === 'bash' ? ['bash', line] : [line];
  const cwd = join(folder.path, 'here');
  return (await run([shell, '-c', SCRIPTS[shell], ...rest], { cwd, env })).trim().split('\n');
}

describe.each(['bash', 'fish'] as const)('completion in %s', (shell) => {
  it.each([
    { line: 'berth ', some: ['serve', 'user', 'config'] },
    { line: 'berth user ', some: ['add', 'rm', 'passwd', 'list'] },
    { line: 'berth image ins', all: ['inspect'] },
    { line: 'berth user add --pass', all: ['--password-stdin'] },
    { line: 'berth config check --format ', all: ['json', 'yaml'] },
    { line: 'berth save --format oci-a', all: ['oci-archive'] },
    { line: 'berth push --format ', all: ['docker', 'oci'] },
    { line: 'berth images --format ', all: [''] },
    { line: 'berth user add alice --file ', all: ['own.yml'] },
    { line: 'berth serve o', all: ['own.yml'] },
    { line: 'berth stop w', all: ['web'] },
    { line: 'berth volume rm d', all: ['data'] },
    { line: 'berth run --network ', some: ['bridge', 'host', 'lan', 'none'] },
    { line: 'berth network rm l', all: ['lan'] },
    { line: 'berth network rm bri', all: [''] },
    { line: 'berth mirror --config ../mirrors.yml ni', all: ['nightly'] },
    { line: 'berth mirror --config=../mirrors.yml --json ', some: ['nightly', 'tools'] },
    { line: 'berth mirror -c ../mirrors.yml to', all: ['tools'] },
    { line: 'berth rmi local', all: ['localhost:5000/box:1'] },
  ])('knows what may follow "$line"', async ({ line, some, all }) => {
    const offered = await offers(shell, line);
    if (some) expect(offered).toEqual(expect.arrayContaining(some));
    if (all) expect(offered.sort()).toEqual(all);
  });
});

it('completes names in bash after a colon', async () => {
  const script = `source <(berth completion bash); COMP_LINE='berth rmi localhost:50'; COMP_POINT=\${#COMP_LINE}
COMP_WORDS=(berth rmi localhost : 50); COMP_CWORD=4; _berth; echo "\${COMPREPLY[@]}"`;
  expect(await run(['bash', '-c', script], { env })).toBe('5000/box:1\n');
});

it('completes commands, options and values in zsh', async () => {
  await using terminal = await Terminal.start(`cd ${join(folder.path, 'here')}; exec zsh -f`, {
    columns: 120,
    rows: 30,
    env,
  });
  await terminal.type(
    "PROMPT='> '; autoload -U compinit; compinit -u -D; source <(berth completion zsh); echo re''ady",
  );
  await terminal.until(/^ready/);
  await terminal.type('berth conf', 'Tab');
  await terminal.until(/^> berth config/);
  await terminal.type(' chec', 'Tab');
  await terminal.until(/^> berth config check/);
  await terminal.type(' --format js', 'Tab');
  await terminal.until(/^> berth config check --format json/);
  await terminal.type(' o', 'Tab');
  await terminal.until(/^> berth config check --format json own.yml/);
  await terminal.type('', 'C-c');
  await terminal.until(/^> *$/);
  await terminal.type('berth rmi localh', 'Tab');
  await terminal.until(/^> berth rmi localhost:5000\/box:1/);
});
