import { type Command, Option } from 'commander';
import type { EngineFlags } from './engine.js';
import { examples } from './help.js';
import { addStoreOptions } from './image-store.js';
import { collect } from './repeated-option.js';
import { parseWholeNumber } from './whole-number.js';

const DRAIN_SECONDS = 10;

/** `berth engine`. */
export function addEngineCommand(program: Command): void {
  addStoreOptions(
    program
      .command('engine')
      .description('serve the Docker Engine API on a unix socket, for docker and its kin')
      .option(
        '-H, --host <address>',
        'unix:///PATH, or fd:// for sockets of systemd; may be repeated (default: unix:///run/berth/engine.sock)',
        collect,
        [],
      )
      .option('-G, --group <group>', 'who may connect beside the owner: they can do all that the engine can')
      .option(
        '--insecure-registry <host>',
        'speak to it whatever its certificate; may be repeated',
        collect,
        [],
      )
      .option(
        '--userns-remap <user>',
        "USER[:GROUP], or default for dockremap: containers have ids of theirs in /etc/subuid, not the host's",
      )
      .option(
        '--drain-timeout <seconds>',
        'how long requests under way may take when it is stopped',
        parseWholeNumber(0),
        DRAIN_SECONDS,
      )
      .addOption(new Option('--log-format <format>', 'of its log').choices(['text', 'json']).default('text')),
  )
    .addHelpText(
      'after',
      examples(
        ['berth engine', 'then: DOCKER_HOST=unix:///run/berth/engine.sock docker images'],
        ['berth engine -H unix:///run/docker.sock --group docker', 'in the place of the daemon of docker'],
      ),
    )
    .action(async (flags: EngineFlags) => {
      const { runEngine } = await import('./engine.js');
      await runEngine(flags);
    });
}
