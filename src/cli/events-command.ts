import type { Command } from 'commander';
import { examples } from './help.js';
import { addSystemEvents } from './system-command.js';

export type EventsFlags = Readonly<{ config?: string; endpoint?: string; since?: string }>;

const CONFIG = ['-c, --config <file>', "the registry's configuration file"] as const;

/** `berth events`, which is docker's; below it `list` and `replay` of the registry's events. */
export function addEventsCommands(events: Command): void {
  addSystemEvents(events, 'berth events');
  events
    .command('list')
    .description('list the events that are kept, oldest first, and what became of them')
    .option(...CONFIG)
    .option('--since <time>', 'only later ones: 2h, 3d, or a time such as 2026-11-28T15:00:00Z')
    .option('--endpoint <name>', 'only those for this endpoint')
    .option('--waiting', 'only those that were not delivered yet')
    .option('--json', 'print JSON, one event a line')
    .addHelpText(
      'after',
      examples(
        ['berth events list --config config.yml --since 1h', 'also while berth serve runs'],
        ['berth events list --waiting', 'what could not be delivered yet'],
      ),
    )
    .action(async (flags: EventsFlags & { waiting?: boolean; json?: boolean }) => {
      const { listEvents } = await import('./events.js');
      await listEvents(flags);
    });
  events
    .command('replay')
    .description('send events again, behind those that wait; the registry may be running')
    .argument('[id...]', 'of events; otherwise all since a time')
    .option(...CONFIG)
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
