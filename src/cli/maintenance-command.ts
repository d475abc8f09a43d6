import type { Command } from 'commander';
import { addConfigAction, addConfigOption, type ConfigFlags } from './config-option.js';
import type { DoctorFlags } from './doctor/doctor.js';
import type { CollectFlags } from './gc.js';
import { examples, group } from './help.js';
import { addRegistryOptions } from './registry-options.js';
import type { VerifyFlags } from './verify.js';

/** `berth gc`, `berth verify`, `berth doctor`, `berth mirror` and `berth trash`. */
export function addMaintenanceCommands(program: Command): void {
  const gc = program
    .command('gc')
    .description('remove what nothing leads to and free its space; the registry may be running')
    .option('--dry-run', 'only say what would be removed')
    .option('--untagged', 'images without a tag, too, unless a list, a subject or a referrer leads to them')
    .option('--grace <duration>', 'leave alone what is younger (default: berth.gc.grace, 24h)')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['berth gc --dry-run config.yml', 'see what would be removed'],
        ['berth gc --untagged', 'images that lost their tag, too'],
      ),
    );
  addConfigAction(gc, async (flags: CollectFlags) => {
    const { collectGarbage } = await import('./gc.js');
    await collectGarbage(flags);
  });
  addVerify(program);
  addDoctor(program);
  const mirror = program
    .command('mirror')
    .description(
      'copy images from other registries or to them, as berth.mirrors says; the registry may be running',
    )
    .argument('[name...]', 'of mirrors; otherwise all of them');
  addConfigOption(mirror)
    .option('--json', 'print JSON')
    .option('--list', 'only the names of the mirrors that there are')
    .addHelpText(
      'after',
      examples(
        ['berth mirror --config config.yml nightly', 'now, not by the clock'],
        ['berth mirror --list', 'which there are'],
      ),
    )
    .action(async (names: string[], options: ConfigFlags & { json?: boolean; list?: boolean }) => {
      const { mirror } = await import('./mirror.js');
      await mirror(names, options);
    });
  addTrash(
    group(program, 'trash', 'what was deleted and can be brought back', [
      'berth trash list config.yml',
      'what there is, and until when',
    ]),
  );
}

function addVerify(program: Command): void {
  const verify = program
    .command('verify')
    .description(
      'read all that is stored, set damaged bytes aside and repair what can be; the registry may be running',
    )
    .option('--rate <size>', 'read no more than so many bytes in a second')
    .option('--from <registry>', 'fetch what is damaged from host[:port][/namespace]')
    .option('--dry-run', 'only say what is wrong')
    .option('--continue', 'go on where a pass stopped that was not finished')
    .option('--status', 'only say what the last pass found')
    .option('--json', 'print JSON');
  addRegistryOptions(verify).addHelpText(
    'after',
    examples(
      ['berth verify config.yml', 'exit code 0 when everything is sound, or was repaired'],
      ['berth verify --from registry.example.com', 'with what another registry has of the same images'],
      ['berth verify --rate 50MiB --dry-run', 'slowly, and changing nothing'],
    ),
  );
  addConfigAction(verify, async ({ status, ...flags }: VerifyFlags & { status?: boolean }) => {
    if (status) {
      const { verifyStatus } = await import('./verify-status.js');
      return verifyStatus(flags.config, { json: flags.json === true });
    }
    const { verify } = await import('./verify.js');
    await verify(flags);
  });
}

function addDoctor(program: Command): void {
  const doctor = program
    .command('doctor')
    .description('say what is wrong with a registry, and what to do; changes nothing')
    .argument('[url]', 'as clients call it: asks it through the proxy; otherwise looks at it where it runs')
    .option('--repository <name>', 'in which an upload is begun and cancelled (default: berth/doctor)')
    .option('--strict', 'fail on warnings too')
    .option('--json', 'print JSON');
  addRegistryOptions(addConfigOption(doctor))
    .addHelpText(
      'after',
      examples(
        ['berth doctor --config config.yml', 'configuration, disk, certificate, passwords, orphans, …'],
        ['berth doctor https://registry.example.com', 'can it be reached, and pushed to, through the proxy?'],
      ),
    )
    .action(async (url: string | undefined, flags: DoctorFlags) => {
      const { doctor } = await import('./doctor/doctor.js');
      await doctor(url, flags);
    });
}

function addTrash(trash: Command): void {
  const list = trash
    .command('list')
    .description('list what was deleted, oldest first')
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['berth trash list config.yml', 'also while berth serve runs']));
  addConfigAction(list, async ({ config, json = false }: ConfigFlags & { json?: boolean }) => {
    const { listTrash } = await import('./trash.js');
    await listTrash(config, { json });
  });
  const restore = trash
    .command('restore')
    .description('bring back images and tags; tags that name something else by now stay as they are')
    .argument('<id...>', 'of berth trash list');
  addConfigOption(restore)
    .addHelpText('after', examples(['berth trash restore 20261128T050000000Z-1a2b3c4d', 'with all its tags']))
    .action(async (ids: string[], { config }: ConfigFlags) => {
      const { restoreFromTrash } = await import('./trash.js');
      await restoreFromTrash(config, ids);
    });
  const empty = trash
    .command('empty')
    .description('give up what was deleted; the registry does it by itself after berth.trash.keep')
    .option('--older-than <duration>', 'only what was deleted so long ago', '0s')
    .addHelpText('after', examples(['berth trash empty --older-than 48h', 'then berth gc frees the space']));
  addConfigAction(empty, async ({ config, olderThan }: ConfigFlags & { olderThan: string }) => {
    const { emptyTrash } = await import('./trash.js');
    await emptyTrash(config, { olderThan });
  });
}
