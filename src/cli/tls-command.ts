import { type Command, InvalidArgumentError } from 'commander';
import { examples } from './help.js';

type TlsFlags = Readonly<{
  dir?: string;
  name?: readonly string[];
  ip?: readonly string[];
  days?: number;
  port?: number;
  forceCa?: boolean;
}>;

/** `berth tls init`. */
export function addTlsCommands(tls: Command): void {
  tls
    .command('init')
    .description("make a private CA and a certificate for this machine's names, and say how to trust it")
    .option(
      '-d, --dir <dir>',
      'where to keep them; else /etc/berth/tls for root, ~/.config/berth/tls for others',
    )
    .option('-n, --name <host...>', "host names besides this machine's own")
    .option('--ip <address...>', "addresses besides this machine's own")
    .option('--days <n>', 'how long the certificate is good for', parseNumber)
    .option('-p, --port <n>', 'port of the registry, for the advice', parseNumber)
    .option('--force-ca', 'make a new CA even if there is one: every client must trust it anew')
    .addHelpText(
      'after',
      examples(
        ['berth tls init', 'for the names and addresses of this machine'],
        ['berth tls init --name registry.lan --ip 192.168.1.5', 'and under these'],
      ),
    )
    .action(async (flags: TlsFlags) => {
      const { defaultTlsFolder, initTls } = await import('./tls.js');
      await initTls({
        dir: flags.dir ?? defaultTlsFolder(process.env, process.getuid?.() === 0),
        names: flags.name,
        addresses: flags.ip,
        days: flags.days,
        port: flags.port,
        forceCa: flags.forceCa,
        output: process.stdout,
      });
    });
}

function parseNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('It must be a number.');
  return Number(text);
}
