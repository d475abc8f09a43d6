import { type Command, InvalidArgumentError } from 'commander';
import type { Config } from '../registry/config/index.js';
import { type FileOptions, fileOf, withFile } from './file-options.js';
import { examples } from './help.js';
import { ownTerminal } from './own-terminal.js';
import type { PasswordOptions } from './user.js';

type PasswordFlags = FileOptions & Readonly<{ cost?: number; passwordStdin?: boolean; generate?: boolean }>;

const HTPASSWD = {
  what: 'htpasswd file',
  key: 'auth.htpasswd.path',
  find: ({ auth }: Config) => auth.htpasswd?.path,
};

/** `berth user add|passwd|rm|list`. */
export function addUserCommands(user: Command): void {
  withPassword(user.command('add').argument('<name>').description('let a user log in')).action(
    async (name: string, flags: PasswordFlags) => {
      const { addUser } = await import('./user.js');
      await addUser(await passwordOptions(name, flags));
    },
  );
  withPassword(user.command('passwd').argument('<name>').description("change a user's password")).action(
    async (name: string, flags: PasswordFlags) => {
      const { changePassword } = await import('./user.js');
      await changePassword(await passwordOptions(name, flags));
    },
  );
  withFile(user.command('rm').argument('<name>').description('remove a user'), HTPASSWD.what)
    .addHelpText('after', examples(['berth user rm alice --file htpasswd', 'a running registry notices']))
    .action(async (name: string, flags: FileOptions) => {
      const { removeUser } = await import('./user.js');
      await removeUser({ name, ...(await fileOf(flags, HTPASSWD)), terminal: ownTerminal() });
    });
  withFile(user.command('list').description('list the users'), HTPASSWD.what)
    .addHelpText(
      'after',
      examples(['berth user list --config config.yml', 'of the file that the configuration names']),
    )
    .action(async (flags: FileOptions) => {
      const { listUsers } = await import('./user.js');
      await listUsers({ ...(await fileOf(flags, HTPASSWD)), terminal: ownTerminal() });
    });
}

function withPassword(command: Command): Command {
  const name = command.name();
  return withFile(command, HTPASSWD.what)
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make up a password and print it')
    .option('--cost <n>', 'cost of bcrypt, 4 to 16', parseCost)
    .addHelpText(
      'after',
      examples(
        [`berth user ${name} alice --file htpasswd`, 'asks for the password'],
        [`berth user ${name} ci --file htpasswd --generate`, 'prints a random one'],
      ),
    );
}

async function passwordOptions(name: string, flags: PasswordFlags): Promise<PasswordOptions> {
  return { ...flags, name, ...(await fileOf(flags, HTPASSWD)), terminal: ownTerminal() };
}

function parseCost(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a number.');
  return Number(text);
}
