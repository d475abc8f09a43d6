import type { Command } from 'commander';
import { addConfigAction, addConfigOption, type ConfigFlags } from './config-option.js';
import { examples } from './help.js';
import { addSystemEvents } from './system-command.js';

export type EventsFlags = ConfigFlags & Readonly<{ endpoint?: string; since?: string }>;

/** `berth events`, which is docker's; below it `list` and `replay` of the registry's events. */
export function addEventsCommands(events: Command): void {
  addSystemEvents(events, 'berth events');
  const list = events
    .command('list')
    .description('list the events that are kept, oldest first, and what became of them')
    .option('--since <time>', 'only later ones: 2h, 3d, or a time such as 2026-11-28T15:00:00Z')
    .option('--endpoint <name>', 'only those for this endpoint')
    .option('--waiting', 'only those that were not delivered yet')
    .option('--json', 'print JSON, one event a line')
    .option('-q, --quiet', 'only the ids')
    .addHelpText(
      'after',
      examples(
        ['berth events list --since 1h config.yml', 'also while berth serve runs'],
        ['berth events list --waiting', 'what could not be delivered yet'],
      ),
    );
  addConfigAction(
    list,
    async (flags: EventsFlags & { waiting?: boolean; json?: boolean; quiet?: boolean }) => {
      const { listEvents } = await import('./events.js');
      await listEvents(flags);
    },
  );
  const replay = events
    .command('replay')
    .description('send events again, behind those that wait; the registry may be running')
    .argument('[id...]', 'of events; otherwise all since a time');
  addConfigOption(replay)
    .option('--since <time>', 'all later ones: 2h, 3d, or a time such as 2026-11-28T15:00:00Z')
    .option('--endpoint <name>', 'only to this endpoint')
    .addHelpText(
      'after',
      examples(
        ['berth events replay --since 2h --endpoint ci', 'what ci has missed'],
        ['berth events replay 0f6f1f5e-6f7c-4c38-9d0f-3f1a5b9f9d2e', 'one event, to all that want it'],
      ),
    )
    .action(async (ids: string[], flags: EventsFlags) => {
      const { replayEvents } = await import('./events.js');
      await replayEvents(ids, flags);
    });
}
