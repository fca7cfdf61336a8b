import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { browserSignals } from './wake-signals.js';

/** As much of a page as the signals look at. */
class FakePage extends EventTarget {
  visibilityState = 'visible';
}

describe('browserSignals', () => {
  const world = globalThis as { document?: unknown; addEventListener?: unknown; removeEventListener?: unknown };
  let page: FakePage;
  let wakes: number;
  let stop: () => void;

  beforeEach(() => {
    jest.useFakeTimers();
    page = new FakePage();
    const window = new EventTarget();
    Object.assign(world, {
      document: page,
      addEventListener: window.addEventListener.bind(window),
      removeEventListener: window.removeEventListener.bind(window),
      dispatch: window.dispatchEvent.bind(window),
    });
    wakes = 0;
    stop = browserSignals.subscribe(() => (wakes += 1));
  });

  afterEach(() => {
    stop();
    jest.useRealTimers();
    for (const name of ['document', 'addEventListener', 'removeEventListener', 'dispatch'])
      Reflect.deleteProperty(world, name);
  });

  /** Time passes while no timer runs, as on a device that sleeps. */
  const sleep = (ms: number): void => {
    jest.setSystemTime(Date.now() + ms);
  };

  it('tells when the network is back, and when the page is shown again, not when it is hidden', () => {
    (world as unknown as { dispatch(event: Event): void }).dispatch(new Event('online'));
    page.visibilityState = 'hidden';
    page.dispatchEvent(new Event('visibilitychange'));
    expect(wakes).toBe(1);
    page.visibilityState = 'visible';
    page.dispatchEvent(new Event('visibilitychange'));
    expect(wakes).toBe(2);
  });

  it('tells when the device woke up under a page that was shown all the time', () => {
    jest.advanceTimersByTime(60_000);
    expect(wakes).toBe(0);
    sleep(3_600_000);
    jest.advanceTimersByTime(5_000);
    expect(wakes).toBe(1);
    jest.advanceTimersByTime(60_000);
    expect(wakes).toBe(1);
  });

  it('takes the late timers of a hidden page for what they are', () => {
    page.visibilityState = 'hidden';
    sleep(60_000);
    jest.advanceTimersByTime(5_000);
    expect(wakes).toBe(0);
  });

  it('leaves no timer and no listener behind', () => {
    stop();
    expect(jest.getTimerCount()).toBe(0);
    (world as unknown as { dispatch(event: Event): void }).dispatch(new Event('online'));
    expect(wakes).toBe(0);
  });
});
