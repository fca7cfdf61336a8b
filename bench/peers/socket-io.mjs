/**
 * socket.io as its documentation has it, for the benches: no authentication, WebSocket alone, every socket in the room
 * that its query names (`resilience` where it names none). `message` tells the room what it brought, `publish` a text,
 * acknowledged.
 *
 * - `RECOVERY=true`: connection state recovery, as documented: two minutes.
 * - `REDIS_URL`: several processes over its Redis adapter.
 * - `UWS=<module>`: on uWebSockets.js instead of `ws`.
 *
 * Its first line tells the port.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const { RECOVERY, REDIS_URL, UWS, PORT = '0' } = process.env;
const io = new Server({
  transports: ['websocket'],
  ...(RECOVERY === 'true' && {
    connectionStateRecovery: { maxDisconnectionDuration: 2 * 60_000, skipMiddlewares: true },
  }),
  ...(REDIS_URL && { adapter: await redisAdapter() }),
});

io.on('connection', (socket) => {
  const room = socket.handshake.query.room ?? 'resilience';
  if (!socket.recovered) void socket.join(room);
  socket.on('publish', (text, acknowledge) => {
    io.to(room).emit('message', text);
    acknowledge();
  });
  socket.on('message', ({ user, text }) => {
    if (typeof text !== 'string' || text === '') return;
    io.to(room).emit('message', { room, user, text, timestamp: new Date().toISOString() });
  });
});

if (UWS) await listenOnUws();
else listenOnNode();
process.once('SIGTERM', () => {
  void io.close();
  if (UWS) process.exit(0); // Its listening socket is none of socket.io's.
});

function listenOnNode() {
  const http = createServer();
  io.attach(http);
  http.listen(Number(PORT), '127.0.0.1', () => listening(http.address().port));
}

async function listenOnUws() {
  const { default: uws } = await import(UWS);
  const app = uws.App();
  io.attachApp(app);
  app.listen('127.0.0.1', Number(PORT), (socket) => listening(uws.us_socket_local_port(socket)));
}

async function redisAdapter() {
  const [{ createAdapter }, { Redis }] = await Promise.all([import('@socket.io/redis-adapter'), import('ioredis')]);
  return createAdapter(new Redis(REDIS_URL), new Redis(REDIS_URL));
}

function listening(port) {
  console.log(JSON.stringify({ event: 'listening', port }));
}
