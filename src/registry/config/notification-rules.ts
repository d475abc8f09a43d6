import type { Report } from './notices.js';
import type { Config } from './schema/config.js';

/** What endpoints of events need, and what is said of endpoints that there are not. */
export function checkNotifications({ notifications, berth }: Config, { problem, notice }: Report): void {
  const names = new Set(notifications.endpoints.map(({ name }) => name));
  notifications.endpoints.forEach(({ url, disabled, ignore }, i) => {
    const at = `notifications.endpoints.${i}`;
    const parsed = URL.parse(url ?? '');
    if (!disabled && !(parsed && /^https?:$/.test(parsed.protocol)))
      problem(`${at}.url`, 'must be a URL such as https://ci.example/events');
    for (const action of ignore.actions) {
      if (!ACTIONS.includes(action))
        notice('warn', `${at}.ignore.actions`, `there is no action ${action}: ${ACTIONS.join(', ')}`);
    }
  });
  for (const [name, { signing }] of Object.entries(berth.notifications.endpoints)) {
    const at = `berth.notifications.endpoints.${name}`;
    if (!names.has(name)) problem(at, 'there is no endpoint of this name in notifications.endpoints');
    if (signing.secret && signing.file) problem(`${at}.signing`, 'has either a secret or a file');
  }
}

const ACTIONS = ['pull', 'push', 'mount', 'delete'];
