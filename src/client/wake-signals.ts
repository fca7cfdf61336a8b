/** What the device tells about its network and its user. */
export interface WakeSignals {
  /** The device says that it has no network: an attempt would be in vain. */
  isOffline(): boolean;
  /** Calls back whenever coming back at once makes sense. Returns what ends it. */
  subscribe(wake: () => void): () => void;
}

/** How often it is looked whether the device slept; a look that comes this many times too late says so. */
const TICK_MS = 5_000;
const TICKS_ASLEEP = 3;

/**
 * `online`, a page that is shown again, and a device that wakes up under a page that was shown all the time: timers
 * stand still while it sleeps. In Node none of them exists, and nothing is ever called.
 */
export const browserSignals: WakeSignals = {
  // Node's navigator has no `onLine`: unknown is not offline.
  isOffline: () => typeof navigator === 'object' && (navigator as Partial<Navigator>).onLine === false,
  subscribe(wake) {
    if (typeof document !== 'object') return () => undefined;
    const shown = () => {
      if (document.visibilityState === 'visible') wake();
    };
    let lookedAt = Date.now();
    const ticker = setInterval(() => {
      // A hidden page's timers are late without any sleep.
      if (Date.now() - lookedAt > TICKS_ASLEEP * TICK_MS) shown();
      lookedAt = Date.now();
    }, TICK_MS);
    addEventListener('online', wake);
    addEventListener('pageshow', wake);
    document.addEventListener('visibilitychange', shown);
    return () => {
      clearInterval(ticker);
      removeEventListener('online', wake);
      removeEventListener('pageshow', wake);
      document.removeEventListener('visibilitychange', shown);
    };
  },
};
