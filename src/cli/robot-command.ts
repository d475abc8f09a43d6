import type { Command } from 'commander';
import type { Config } from '../registry/config/index.js';
import { type FileOptions, fileOf, withFile } from './file-options.js';
import { examples } from './help.js';
import { ownTerminal } from './own-terminal.js';

type AddFlags = FileOptions & Readonly<{ repo: readonly string[]; actions: string; expires?: string }>;

const ROBOTS = {
  what: 'file of robots',
  key: 'berth.robots.path',
  find: ({ berth }: Config) => berth.robots.path,
};

/** `berth robot add|rm|list`. */
export function addRobotCommands(robot: Command): void {
  withFile(
    robot.command('add').argument('<name>').description('let a program log in; prints its secret once'),
    ROBOTS.what,
  )
    .requiredOption('--repo <name...>', 'repositories, or globs such as team/*')
    .option('--actions <list>', 'pull, push, delete; who may push or delete may also pull', 'pull')
    .option('--expires <age>', 'for how long, such as 90d or 12h; else for ever')
    .addHelpText(
      'after',
      examples(
        ["berth robot add ci --repo 'team/*' --actions pull,push --expires 90d", 'logs in as robot+ci'],
        ['berth robot add mirror --file robots.json --repo "**"', 'may pull everything'],
      ),
    )
    .action(async (name: string, { repo, actions, expires, ...flags }: AddFlags) => {
      const { addRobot } = await import('./robot.js');
      const { parseDays } = await import('./duration-option.js');
      await addRobot({
        name,
        repositories: repo,
        actions: actions.split(',').map((action) => action.trim()),
        expiresInMs: expires === undefined ? undefined : parseDays('--expires', expires),
        ...(await fileOf(flags, ROBOTS)),
        terminal: ownTerminal(),
      });
    });
  withFile(robot.command('rm').alias('remove').argument('<name>').description('remove a robot'), ROBOTS.what)
    .addHelpText(
      'after',
      examples(['berth robot rm ci --file robots.json', 'its tokens end too, within a second']),
    )
    .action(async (name: string, flags: FileOptions) => {
      const { removeRobot } = await import('./robot.js');
      await removeRobot({ name, ...(await fileOf(flags, ROBOTS)), terminal: ownTerminal() });
    });
  withFile(robot.command('list').description('list the robots, and what they may do'), ROBOTS.what)
    .addHelpText(
      'after',
      examples(['berth robot list --config config.yml', 'of the file that the configuration names']),
    )
    .action(async (flags: FileOptions) => {
      const { listRobots } = await import('./robot.js');
      await listRobots({ ...(await fileOf(flags, ROBOTS)), terminal: ownTerminal() });
    });
}
