import type { Channel, Locks, TabsPlatform } from './tabs-platform.js';

type Held = () => Promise<void> | void;

interface LockRequest {
  readonly page: FakePage;
  readonly held: Held;
  readonly settle: (error?: Error) => void;
}

/** A browser whose pages share locks and channels, all in this process. */
export class FakeBrowser {
  readonly #locks = new Map<string, LockRequest[]>();
  readonly #channels = new Set<FakeChannel>();
  /** Everything that was posted to a channel, oldest first. */
  readonly posted: unknown[] = [];

  page(): FakePage {
    return new FakePage(this);
  }

  /** Names of the locks that somebody holds. */
  get heldLocks(): string[] {
    return [...this.#locks].filter(([, requests]) => requests.length > 0).map(([name]) => name);
  }

  /** @internal */
  request(page: FakePage, name: string, options: { signal?: AbortSignal; steal?: boolean }, held: Held): Promise<void> {
    return new Promise((resolve, reject) => {
      const requests = this.#locks.get(name) ?? [];
      this.#locks.set(name, requests);
      const request: LockRequest = {
        page,
        held,
        settle: (error) => page.run(() => (error ? reject(error) : resolve())),
      };
      const withdraw = () => {
        if (requests.indexOf(request) > 0) this.#drop(name, request, new Error('AbortError'));
      };
      options.signal?.addEventListener('abort', withdraw);
      if (options.steal) {
        requests.shift()?.settle(new Error('AbortError'));
        requests.unshift(request);
      } else requests.push(request);
      if (requests[0] === request) this.#grant(name, request);
    });
  }

  /** @internal */
  open(page: FakePage, name: string): FakeChannel {
    const channel: FakeChannel = new FakeChannel(page, name, (message) => this.say(name, message, channel));
    this.#channels.add(channel);
    return channel;
  }

  /** Hands a message to every page that listens, but to the channel that it comes from. */
  say(name: string, message: unknown, from?: Channel): void {
    this.posted.push(message);
    for (const channel of this.#channels) if (channel !== from && channel.name === name) channel.deliver(message);
  }

  /** @internal */
  gone(page: FakePage): void {
    for (const channel of this.#channels) if (channel.page === page) this.#channels.delete(channel);
    for (const [name, requests] of this.#locks) {
      for (const request of requests.filter((candidate) => candidate.page === page)) this.#drop(name, request);
    }
  }

  #grant(name: string, request: LockRequest): void {
    request.page.run(() => {
      if (this.#locks.get(name)?.[0] !== request) return;
      void Promise.resolve(request.held()).then(() => this.#drop(name, request));
    });
  }

  #drop(name: string, request: LockRequest, error?: Error): void {
    const requests = this.#locks.get(name) ?? [];
    const index = requests.indexOf(request);
    if (index < 0) return;
    requests.splice(index, 1);
    request.settle(error);
    if (index === 0 && requests[0]) this.#grant(name, requests[0]);
  }
}

/** One page of a {@link FakeBrowser}: what its script sees, and what a test does to it. */
export class FakePage implements TabsPlatform {
  readonly locks: Locks;
  #asleep: () => void = () => undefined;
  #awake: () => void = () => undefined;
  /** Messages that wait while the page is suspended; `undefined`: it runs. */
  #held: (() => void)[] | undefined;

  constructor(private readonly browser: FakeBrowser) {
    this.locks = { request: (name, options, held) => browser.request(this, name, options, held) };
  }

  openChannel(name: string): Channel {
    return this.browser.open(this, name);
  }

  watchPage(asleep: () => void, awake: () => void): void {
    this.#asleep = asleep;
    this.#awake = awake;
  }

  /** The page dies: its locks are free, nobody hears from it any more. */
  crash(): void {
    this.browser.gone(this);
  }

  /** The page is put away, and told so. */
  sleep(): void {
    this.#asleep();
  }

  wake(): void {
    this.#awake();
  }

  /** The page stops without being told: it keeps its locks, and reads later what it is sent. */
  suspend(): void {
    this.#held = [];
  }

  /** It runs again, and reads what waited. */
  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const task of held) task();
  }

  /** @internal */
  run(task: () => void): void {
    queueMicrotask(() => (this.#held ? this.#held.push(task) : task()));
  }
}

class FakeChannel implements Channel {
  onmessage: unknown = null;
  #isClosed = false;

  constructor(
    readonly page: FakePage,
    readonly name: string,
    private readonly post: (message: unknown) => void,
  ) {}

  postMessage(message: unknown): void {
    if (!this.#isClosed) this.post(structuredClone(message));
  }

  deliver(message: unknown): void {
    this.page.run(() => {
      if (!this.#isClosed) (this.onmessage as ((event: { data: unknown }) => void) | null)?.({ data: message });
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}
