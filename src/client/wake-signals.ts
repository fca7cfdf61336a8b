/** What the device tells about its network and its user. */
export interface WakeSignals {
  /** The device says that it has no network: an attempt would be in vain. */
  isOffline(): boolean;
  /** Calls back whenever coming back at once makes sense. Returns what ends it. */
  subscribe(wake: () => void): () => void;
}

/** `online`, and a page that is shown again. In Node neither exists, and nothing is ever called. */
export const browserSignals: WakeSignals = {
  // Node's navigator has no `onLine`: unknown is not offline.
  isOffline: () => typeof navigator === 'object' && (navigator as Partial<Navigator>).onLine === false,
  subscribe(wake) {
    if (typeof document !== 'object') return () => undefined;
    const shown = () => {
      if (document.visibilityState === 'visible') wake();
    };
    addEventListener('online', wake);
    addEventListener('pageshow', wake);
    document.addEventListener('visibilitychange', shown);
    return () => {
      removeEventListener('online', wake);
      removeEventListener('pageshow', wake);
      document.removeEventListener('visibilitychange', shown);
    };
  },
};
