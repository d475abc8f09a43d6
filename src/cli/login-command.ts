import type { Command } from 'commander';
import { examples } from './help.js';
import type { LoginFlags, LogoutFlags } from './login.js';
import { OptionAlias } from './option-alias.js';
import { ownTerminal } from './own-terminal.js';
import { addContactOptions } from './registry-options.js';

/** `berth login`, `berth logout`. */
export function addLoginCommands(program: Command): void {
  const login = program
    .command('login')
    .description('log in to a registry, for this program, docker and podman')
    .argument('[registry]', 'host[:port], or host[:port]/namespace', 'docker.io')
    .option('-u, --username <name>', 'who to log in as; asked for if missing')
    .option(
      '-p, --password <password>',
      'others can see it in the list of processes; prefer --password-stdin',
    )
    .option('--password-stdin', 'read the password from standard input')
    .option('--auth-file <file>', 'keep the credentials in this file')
    .addOption(new OptionAlias('--authfile <file>', 'authFile'));
  addContactOptions(login)
    .addHelpText(
      'after',
      examples(
        ['berth login reg.example:5000', 'asks for name and password'],
        ['echo "$TOKEN" | berth login -u ci --password-stdin reg.example', 'in scripts'],
      ),
    )
    .action(async (registry: string, flags: LoginFlags) => {
      const { login } = await import('./login.js');
      await login(registry, flags, ownTerminal());
    });
  program
    .command('logout')
    .description('forget the credentials for a registry')
    .argument('[registry]', 'host[:port], or host[:port]/namespace', 'docker.io')
    .option('--auth-file <file>', 'the file that they are kept in')
    .addOption(new OptionAlias('--authfile <file>', 'authFile'))
    .addHelpText('after', examples(['berth logout reg.example:5000', 'also from the credential helper']))
    .action(async (registry: string, flags: LogoutFlags) => {
      const { logout } = await import('./login.js');
      await logout(registry, flags, ownTerminal());
    });
}
