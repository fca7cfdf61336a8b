export { createTabsClient } from './tabs-client.js';
export type { TabsClientOptions } from './tabs-client.js';
