import { systemClock } from '../clock.js';
import { RealtimeClient, gatewayUrl, globalWebSocket } from '../realtime-client.js';
import type { RealtimeClientOptions } from '../realtime-client.js';
import type { PayloadMap } from '../room.js';
import { Tab } from './tab.js';
import { browserPlatform } from './tabs-platform.js';
import type { TabsPlatform } from './tabs-platform.js';

/** What {@link createTabsClient} takes beside its URL: what a client takes, and whose connection it is. */
export interface TabsClientOptions extends RealtimeClientOptions {
  /**
   * The id of the user that the token will carry (`sub`, unless the server maps it otherwise). Tabs share only with tabs
   * of the same user; one whose token turns out to be somebody else's gets a connection of its own.
   */
  readonly user: string;
}

/**
 * A {@link RealtimeClient} that shares one connection with the other tabs of this origin that have the same URL and user.
 * It is used like any other: every tab has its own rooms, handlers, outbox and cursors, and `close()` concerns this tab
 * alone. When the tab that holds the connection goes, the others come back as after a cut: nothing is lost or repeated.
 *
 * Where the browser has no Web Locks or no BroadcastChannel (an insecure context, say), and in Node, the client has a
 * connection of its own.
 *
 * @throws TypeError as the constructor of RealtimeClient, and where `user` is empty.
 */
export function createTabsClient<Payloads extends object = PayloadMap>(
  url: string | URL,
  options: TabsClientOptions,
): RealtimeClient<Payloads> {
  return tabsClient(url, options, browserPlatform());
}

/** {@link createTabsClient}, on a platform that a test brings. */
export function tabsClient<Payloads extends object = PayloadMap>(
  url: string | URL,
  { user, ...options }: TabsClientOptions,
  platform: TabsPlatform | undefined,
): RealtimeClient<Payloads> {
  if (typeof user !== 'string' || user === '') {
    throw new TypeError(`expected the id of the user, got ${JSON.stringify(user)}; tabs share by user: { user: 'u1' }`);
  }
  if (!platform) return new RealtimeClient(url, options);
  const tab: Tab = new Tab({
    // The number changes with what goes over the channel: tabs with another version of this file don't meet.
    name: `rookery tabs 1 ${gatewayUrl(url).href} ${user}`,
    user,
    WebSocket: options.WebSocket ?? globalWebSocket(),
    clock: options.clock ?? systemClock,
    platform,
    onHub: () => {
      if (client.state.status === 'disconnected' && client.state.retryAt !== undefined) client.connect();
    },
  });
  const client = new RealtimeClient<Payloads>(url, { ...options, WebSocket: tab.WebSocket });
  client.on('state', (state) => tab.wanted(state.status !== 'disconnected' || state.retryAt !== undefined));
  return client;
}
