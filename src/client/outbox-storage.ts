/** A send as it is kept for the page's next life. */
export interface StoredSend {
  readonly id: string;
  readonly room: string;
  /** The frame as it travels. */
  readonly text: string;
  /** Whose it is, once that is known: it is never sent as somebody else's. */
  readonly user?: string | undefined;
  /** When it was first sent, in milliseconds since 1970; absent: never. */
  readonly triedAt?: number | undefined;
}

/**
 * Keeps unacknowledged sends over a reload of the page. All calls are synchronous and must not throw: a store that can't
 * keep something forgets it. Over something asynchronous, IndexedDB say, load before the client is made.
 */
export interface OutboxStorage {
  /** What was put and not removed, in the order in which the sends were first put. */
  load(): readonly StoredSend[];
  /** Adds a send, or replaces the one with its room and id at that one's place. */
  put(send: StoredSend): void;
  remove(send: Pick<StoredSend, 'room' | 'id'>): void;
}

/**
 * Keeps them in `sessionStorage`: they outlive a reload of the tab, not the tab. One entry for each send, so that a full
 * outbox costs no more than an empty one. Where the browser forbids storage, or it is full, sends live as long as the page.
 *
 * @param name Two clients on one page need two names.
 */
export function sessionOutbox(name = 'rookery'): OutboxStorage {
  const prefix = `${name}.outbox.`;
  const keys = new Map<string, string>();
  let last = 0;
  return {
    load: () =>
      quietly(() => {
        const numbers = Object.keys(sessionStorage)
          .filter((key) => key.startsWith(prefix))
          .map((key) => Number(key.slice(prefix.length)))
          .sort((a, b) => a - b);
        return numbers.map((number) => {
          const send = JSON.parse(sessionStorage.getItem(prefix + number)!) as StoredSend;
          keys.set(nameOf(send), prefix + number);
          last = number;
          return send;
        });
      }) ?? [],
    put(send) {
      const key = keys.get(nameOf(send)) ?? prefix + ++last;
      keys.set(nameOf(send), key);
      const kept = quietly(() => {
        sessionStorage.setItem(key, JSON.stringify(send));
        return true;
      });
      if (!kept) quietly(() => sessionStorage.removeItem(key)); // What stands there is not true any more.
    },
    remove(send) {
      const key = keys.get(nameOf(send));
      keys.delete(nameOf(send));
      if (key) quietly(() => sessionStorage.removeItem(key));
    },
  };
}

function nameOf({ room, id }: Pick<StoredSend, 'room' | 'id'>): string {
  return `${room}\n${id}`;
}

function quietly<Result>(step: () => Result): Result | undefined {
  try {
    return step();
  } catch {
    return undefined; // Forbidden, full, or not ours: a page without storage works, it only forgets.
  }
}
