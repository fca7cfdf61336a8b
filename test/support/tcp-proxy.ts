import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A network between two ends that a test can cut, silence and slow down. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that pass now. */
  readonly open: number;
  /** Connections that were ever made. */
  readonly made: number;
  /** Ends every connection without a word; new ones pass. */
  cut(): void;
  /** Resets every connection (RST) towards both ends; new ones pass. */
  reset(): void;
  /** Ends every connection towards the server alone: the client's end stays open, and nobody is there. New ones pass. */
  halfOpen(): void;
  /** Ends every connection, and refuses new ones until {@link mend}. */
  block(): void;
  /**
   * Lets nothing through any more, the end of a connection included, and ends nothing: a network that swallows. In both
   * directions, or only what the server says. Until {@link mend}.
   */
  swallow(direction?: 'both' | 'from-server'): void;
  /**
   * Swallows what the server sends, and lets through what the client sends; only on connections whose first words match.
   * Until {@link mend}.
   */
  deafen(firstWords: RegExp): void;
  /**
   * Says something to the server in the client's name, on every connection, or those whose first words match. At a quiet
   * moment: not amid a message.
   */
  inject(words: string, firstWords?: RegExp): void;
  /** Bytes per second that pass from the server to each client from now on; `undefined`: as fast as they come. */
  throttle(bytesPerSecond: number | undefined): void;
  mend(): void;
  close(): Promise<void>;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** What the client said first. */
  firstWords: string;
  /** The server's end is gone on purpose, and the client is not told. */
  orphaned: boolean;
}

/** How much of what a client says first is kept. */
const FIRST_BYTES = 1_024;

/** Starts a proxy on a free port of 127.0.0.1 to another one; a function says for each connection which. */
export async function startTcpProxy(target: number | (() => number), targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let mode: 'pass' | 'block' | 'swallow' | 'swallow-from-server' = 'pass';
  let made = 0;
  let bytesPerSecond: number | undefined;
  let deaf: RegExp | undefined;

  const server = createServer((near) => {
    if (mode === 'block') {
      near.destroy();
      return;
    }
    made += 1;
    const far = connect({ port: typeof target === 'function' ? target() : target, host: targetHost });
    const pair: Pair = { near, far, firstWords: '', orphaned: false };
    pairs.add(pair);
    pass(near, far, pair, () => undefined);
    pass(far, near, pair, () => bytesPerSecond);
  });

  function pass(from: Socket, to: Socket, pair: Pair, limit: () => number | undefined): void {
    const swallowed = (): boolean =>
      mode === 'swallow' ||
      (from === pair.far && (mode === 'swallow-from-server' || deaf?.test(pair.firstWords) === true));
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      if (from === pair.near && pair.firstWords.length < FIRST_BYTES) pair.firstWords += chunk.toString('latin1');
      if (swallowed() || to.destroyed) return;
      const rate = limit();
      const full = !to.write(chunk);
      if (rate === undefined && !full) return;
      from.pause();
      const drained = full ? drainedOrClosed(to) : undefined;
      const due = new Promise<void>((resolve) =>
        rate === undefined ? resolve() : setTimeout(resolve, (chunk.length / rate) * 1_000),
      );
      void Promise.all([drained, due]).then(() => from.resume());
    });
    from.on('end', () => {
      if (!pair.orphaned && !swallowed()) to.end(); // What still waits to be written goes first.
    });
    from.on('error', () => undefined); // 'close' follows.
    from.on('close', () => {
      if (pair.orphaned && from === pair.far) return;
      if (swallowed() && !to.destroyed) return; // Told by mend(), which ends every connection.
      if (!from.readableEnded) to.destroy();
      pairs.delete(pair);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const { near, far } of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    get made() {
      return made;
    },
    cut,
    reset() {
      for (const { near, far } of pairs) {
        near.resetAndDestroy();
        far.resetAndDestroy();
      }
    },
    halfOpen() {
      for (const pair of pairs) {
        pair.orphaned = true;
        pair.far.resetAndDestroy();
      }
    },
    block() {
      mode = 'block';
      cut();
    },
    swallow(direction = 'both') {
      mode = direction === 'both' ? 'swallow' : 'swallow-from-server';
    },
    deafen(firstWords) {
      deaf = firstWords;
    },
    inject(words, firstWords) {
      for (const { far, firstWords: said } of pairs) if (firstWords?.test(said) ?? true) far.write(words);
    },
    throttle(rate) {
      bytesPerSecond = rate;
    },
    mend() {
      // What was swallowed is gone: a stream with a hole must not go on.
      const swallowing = mode.startsWith('swallow') || deaf !== undefined;
      mode = 'pass';
      deaf = undefined;
      if (swallowing) cut();
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Resolves when a socket takes more, or will never: then the other end must still be heard to end. */
function drainedOrClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      socket.off('drain', settle).off('close', settle);
      resolve();
    };
    socket.on('drain', settle).on('close', settle);
  });
}
