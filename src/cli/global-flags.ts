import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'];
/** How docker's client reaches its daemon. */
const CONNECTION = [
  '-H, --host <address>',
  '--tls',
  '--tlscacert <file>',
  '--tlscert <file>',
  '--tlskey <file>',
  '--tlsverify',
];
const NO_DAEMON =
  'there is no daemon here to connect to: leave it out; --root says where images and containers of another place are, ' +
  'and docker -H reaches those of this machine through berth engine';

/** What stands before a command, whichever it is: docker's flags, as far as they mean something here. */
export function addGlobalFlags(program: Command): void {
  program
    .option('-D, --debug', 'show the causes of a failure')
    .addOption(new Option('-l, --log-level <level>', 'debug is the same as --debug').choices(LEVELS))
    .option(
      '--config <dir>',
      "docker's configuration, where logins are kept; else $DOCKER_CONFIG or ~/.docker",
    )
    .addOption(new Option('-c, --context <name>', 'of docker').hideHelp())
    .addOption(new Option('--insecure-policy', 'of skopeo: does nothing').hideHelp());
  for (const flags of CONNECTION) {
    const option = new Option(flags, 'of docker').hideHelp();
    program.addOption(option);
    program.on(`option:${option.name()}`, () => program.error(`error: option '${flags}': ${NO_DAEMON}`));
  }
  program.on('option:debug', sayDebug);
  program.on('option:log-level', (level: string) => level === 'debug' && sayDebug());
  program.on('option:config', (path: string) => {
    if (statSync(path, { throwIfNoEntry: false })?.isFile())
      program.error(
        `error: --config ${path}: before a command it is the directory of docker's configuration; ` +
          'that of the registry stands behind the command, as in berth serve --config FILE',
      );
    process.env.DOCKER_CONFIG = resolve(path);
  });
  program.on('option:context', (name: string) => {
    if (name !== 'default') program.error(`error: option '-c, --context ${name}': ${NO_DAEMON}`);
  });
}

/** Who reports a failure looks for this in the command line, where another process may find it too. */
function sayDebug(): void {
  if (!process.argv.includes('--debug')) process.argv.splice(2, 0, '--debug');
}
