import type { Command } from 'commander';
import { examples } from './help.js';
import { addStoreOptions } from './image-store.js';
import { collect } from './repeated-option.js';
import type { SystemEventsFlags } from './system-events.js';

/** `berth system ...`. */
export function addSystemCommands(system: Command): void {
  addSystemEvents(
    system.command('events').description('show what happens to containers, images, volumes and networks'),
    'berth system events',
  );
}

/** What `berth events` and `berth system events` are. @param path what to type. */
export function addSystemEvents(command: Command, path: string): void {
  command
    .option('--since <time>', 'what was from then on, too: 10m, or 2026-01-31T12:00:00Z')
    .option('--until <time>', 'up to then')
    .option('-f, --filter <filter>', 'type, event, container, image, label, network, volume', collect, [])
    .option('--format <format>', 'json, or a template: {{.Type}} {{.Action}}')
    .addHelpText(
      'after',
      examples(
        [`${path} --since 10m --filter type=container`, 'and what follows'],
        [`${path} --filter event=health_status`, 'how containers are'],
      ),
    )
    .action(async (flags: SystemEventsFlags) => {
      const { showEvents } = await import('./system-events.js');
      await showEvents(flags);
    });
  addStoreOptions(command);
}
