import { randomBytes } from 'node:crypto';
import { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { importTypeScript } from '../../tools/import-typescript.mjs';

const here = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');
const DELIVERY = Buffer.from('"type":"message"');
const HEADERS = {
  host: 'localhost',
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
};

/**
 * The standalone server as built in a folder, in this process, with connections that end in memory and not in a kernel:
 * what is timed is the server's own code, from the bytes of a frame to the bytes of its deliveries.
 *
 * Nothing but public names is used (the upgrade of an HTTP server, `Realtime`), so that builds of different commits can be
 * compared.
 */
export async function startApp(root) {
  const built = (file) => import(pathToFileURL(join(root, 'dist', file)).href);
  const [{ createApp }, { parseConfig }, { Realtime }] = await Promise.all(
    ['server/app.factory.js', 'server/config.js', 'index.js'].map(built),
  );
  const { mint } = await importTypeScript(here, 'test/support/tokens.ts');
  const secret = randomBytes(32).toString('base64url');
  const app = await createApp(parseConfig({ JWT_SECRET: secret, MESSAGES_PER_SECOND: '0', HEARTBEAT_MS: '0' }), false);
  await app.listen(0, '127.0.0.1');
  return {
    realtime: app.get(Realtime),
    /** Resolves when the connection is in its room. */
    async connect(path, user) {
      const socket = new MemorySocket();
      const request = new IncomingMessage(socket);
      const url = `${path}?token=${mint(secret, { sub: user, name: user })}`;
      Object.assign(request, { method: 'GET', url, headers: HEADERS });
      const joined = socket.seen(Buffer.from(`"room":"${path.split('/').at(-1)}"`));
      app.getHttpServer().emit('upgrade', request, socket, Buffer.alloc(0));
      await joined;
      return socket;
    },
    clientFrame,
    close: () => app.close(),
  };
}

/** A socket whose peer is this process: what is pushed was received, what is written is looked at and forgotten. */
class MemorySocket extends Duplex {
  remoteAddress = '127.0.0.1';
  remotePort = 1;
  wanted = undefined;

  /** Resolves when a text was written. */
  seen(text) {
    return new Promise((resolve) => (this.wanted = { text, count: 1, resolve }));
  }

  /** Resolves when so many messages of the room were written from now on. */
  delivered(count) {
    return new Promise((resolve) => (this.wanted = { text: DELIVERY, count, resolve }));
  }

  _read() {}

  _write(chunk, _encoding, done) {
    this.look(chunk);
    done();
  }

  look(chunk) {
    const { wanted } = this;
    if (wanted === undefined) return;
    for (let at = chunk.indexOf(wanted.text); at !== -1; at = chunk.indexOf(wanted.text, at + wanted.text.length)) {
      wanted.count -= 1;
      if (wanted.count > 0) continue;
      this.wanted = undefined;
      wanted.resolve();
      return;
    }
  }

  // What Node's servers and ws call on a socket.
  setNoDelay() {
    return this;
  }

  setTimeout() {
    return this;
  }

  setKeepAlive() {
    return this;
  }
}

/** A masked text frame of at most 125 bytes. */
function clientFrame(text) {
  const payload = Buffer.from(text);
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, index) => byte ^ mask[index % 4]);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
}
