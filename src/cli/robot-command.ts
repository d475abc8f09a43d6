import type { Command } from 'commander';
import { examples } from './help.js';

type FileOptions = Readonly<{ file?: string; config?: string }>;
type AddFlags = FileOptions & Readonly<{ repo: readonly string[]; actions: string; expires?: string }>;

/** `berth robot add|rm|list`. */
export function addRobotCommands(robot: Command): void {
  withFile(
    robot.command('add').argument('<name>').description('let a program log in; prints its secret once'),
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
        file: await fileOf(flags),
        terminal: terminal(),
      });
    });
  withFile(robot.command('rm').alias('remove').argument('<name>').description('remove a robot'))
    .addHelpText(
      'after',
      examples(['berth robot rm ci --file robots.json', 'its tokens end too, within a second']),
    )
    .action(async (name: string, flags: FileOptions) => {
      const { removeRobot } = await import('./robot.js');
      await removeRobot({ name, file: await fileOf(flags), terminal: terminal() });
    });
  withFile(robot.command('list').description('list the robots, and what they may do'))
    .addHelpText(
      'after',
      examples(['berth robot list --config config.yml', 'of the file that the configuration names']),
    )
    .action(async (flags: FileOptions) => {
      const { listRobots } = await import('./robot.js');
      await listRobots({ file: await fileOf(flags), terminal: terminal() });
    });
}

function withFile(command: Command): Command {
  return command
    .option('-f, --file <file>', 'file of robots; else the one that the configuration names')
    .option('-c, --config <file>', 'configuration file');
}

async function fileOf({ file, config }: FileOptions): Promise<string> {
  if (file !== undefined) return file;
  const { readConfig } = await import('./config.js');
  const { path } = (await readConfig(config, process.env)).config.berth.robots;
  if (path !== undefined) return path;
  const { UsageError } = await import('./failure.js');
  throw new UsageError('the configuration names no file of robots (berth.robots.path); give one with --file');
}

function terminal() {
  return { input: process.stdin, output: process.stdout, notes: process.stderr };
}
