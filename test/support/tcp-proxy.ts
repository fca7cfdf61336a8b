import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A network between two ends that a test can cut. */
export interface TcpProxy {
  readonly port: number;
  /** Connections that pass now. */
  readonly open: number;
  /** Ends every connection without a word; new ones pass. */
  cut(): void;
  /** Ends every connection, and refuses new ones until {@link mend}. */
  block(): void;
  /** Lets nothing through any more, in both directions, and ends nothing: a network that swallows. Until {@link mend}. */
  swallow(): void;
  mend(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port of 127.0.0.1 to another one. */
export async function startTcpProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let mode: 'pass' | 'block' | 'swallow' = 'pass';
  const server = createServer((near) => {
    if (mode === 'block') {
      near.destroy();
      return;
    }
    const far = connect(targetPort, targetHost);
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (mode === 'pass') to.write(chunk);
      });
      from.on('error', () => undefined); // 'close' follows.
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get open() {
      return pairs.size;
    },
    cut,
    block() {
      mode = 'block';
      cut();
    },
    swallow() {
      mode = 'swallow';
    },
    mend() {
      // What was swallowed is gone: a stream with a hole must not go on.
      if (mode === 'swallow') cut();
      mode = 'pass';
    },
    async close() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
