/** What is used of `navigator.locks`. */
export interface Locks {
  request(
    name: string,
    options: { readonly signal?: AbortSignal; readonly steal?: boolean },
    held: () => Promise<void> | void,
  ): Promise<unknown>;
}

/** What is used of a `BroadcastChannel`. */
export interface Channel {
  onmessage: unknown;
  postMessage(message: unknown): void;
  close(): void;
}

/** What a page must have so that its tabs can share a connection. */
export interface TabsPlatform {
  readonly locks: Locks;
  openChannel(name: string): Channel;
  /** Calls back when the page is about to be frozen or put away, and when it is there again. */
  watchPage(asleep: () => void, awake: () => void): void;
}

/** The browser's; `undefined` where it lacks a part: an insecure context, an old browser, a worker, Node. */
export function browserPlatform(): TabsPlatform | undefined {
  if (typeof document !== 'object' || typeof BroadcastChannel !== 'function') return undefined;
  const { locks } = navigator as Partial<Navigator>;
  if (!locks) return undefined;
  return {
    locks,
    openChannel: (name) => new BroadcastChannel(name),
    watchPage(asleep, awake) {
      addEventListener('pagehide', asleep);
      addEventListener('pageshow', awake);
      document.addEventListener('freeze', asleep);
      document.addEventListener('resume', awake);
    },
  };
}
