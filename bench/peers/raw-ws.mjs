/**
 * Rooms on `ws` alone, as a chat server without a framework has them: `/ws/chat/<room>`, `{"user", "text"}` in, one frame
 * to every member of the room. A frame may name another room; `{"type": "join", "room"}` joins it as well.
 *
 * - `FANOUT=loop`: `send` of the text for each member, as tutorials have it. `once`: the frame is encoded once and written
 *   to each socket. `turn`: and all frames of one turn of the event loop leave in one write per socket.
 * - `JWT_SECRET`: a token is checked at the handshake (`?token=`), its claims are kept.
 * - `REDIS_URL`: several processes, one channel per room.
 *
 * Its first line tells the port.
 */
import { createServer } from 'node:http';
import jsonwebtoken from 'jsonwebtoken';
import { Sender, WebSocketServer } from 'ws';

const { FANOUT = 'loop', JWT_SECRET, REDIS_URL, PORT = '0' } = process.env;
const FRAME = { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true };
const rooms = new Map();

/** How a text goes to the members of a room. */
const fanOuts = {
  loop(members, text) {
    for (const ws of members) if (ws.readyState === ws.OPEN) ws.send(text);
  },
  once(members, text) {
    const frame = frameOf(text);
    for (const ws of members) if (ws.readyState === ws.OPEN) ws._socket.write(frame);
  },
  turn(members, text) {
    if (members.waiting === undefined) {
      members.waiting = [];
      setImmediate(() => {
        const frames = members.waiting.length === 1 ? members.waiting[0] : Buffer.concat(members.waiting);
        members.waiting = undefined;
        for (const ws of members) if (ws.readyState === ws.OPEN) ws._socket.write(frames);
      });
    }
    members.waiting.push(frameOf(text));
  },
};
const fanOut = fanOuts[FANOUT];
if (!fanOut) throw new Error(`FANOUT: expected ${Object.keys(fanOuts).join(', ')}, got ${FANOUT}`);
const channels = REDIS_URL ? await overRedis() : inThisProcess();

const http = createServer();
const server = new WebSocketServer({ noServer: true });
http.on('upgrade', (request, socket, head) => {
  const { pathname, searchParams } = new URL(request.url, 'ws://localhost');
  let claims;
  try {
    if (JWT_SECRET)
      claims = jsonwebtoken.verify(searchParams.get('token') ?? '', JWT_SECRET, { algorithms: ['HS256'] });
  } catch {
    return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  }
  server.handleUpgrade(request, socket, head, (ws) => {
    ws.claims = claims;
    ws.rooms = new Set();
    const own = pathname.split('/')[3];
    if (own) join(ws, own);
    ws.on('message', (data) => read(ws, own, data));
    ws.on('close', () => ws.rooms.forEach((room) => leave(ws, room)));
  });
});
http.listen(Number(PORT), '127.0.0.1', () => {
  console.log(JSON.stringify({ event: 'listening', port: http.address().port }));
});

function read(ws, own, data) {
  let body;
  try {
    body = JSON.parse(data);
  } catch {
    return ws.send('{"type":"error","code":"bad_frame"}');
  }
  const room = body.room ?? own;
  if (body.type === 'join') {
    join(ws, room);
    return ws.send(JSON.stringify({ type: 'joined', room }));
  }
  if (typeof body.text !== 'string' || body.text === '' || !ws.rooms.has(room)) {
    return ws.send('{"type":"error","code":"invalid_payload"}');
  }
  const user = ws.claims?.name ?? body.user;
  const timestamp = new Date().toISOString();
  channels.publish(room, JSON.stringify({ type: 'message', room, user, text: body.text, timestamp }));
}

function join(ws, room) {
  let members = rooms.get(room);
  if (!members) {
    members = new Set();
    rooms.set(room, members);
    channels.open(room);
  }
  members.add(ws);
  ws.rooms.add(room);
}

function leave(ws, room) {
  const members = rooms.get(room);
  members.delete(ws);
  if (members.size > 0) return;
  rooms.delete(room);
  channels.close(room);
}

function deliver(room, text) {
  const members = rooms.get(room);
  if (members) fanOut(members, text);
}

function frameOf(text) {
  return Buffer.concat(Sender.frame(Buffer.from(text), { ...FRAME }));
}

function inThisProcess() {
  return { open() {}, close() {}, publish: deliver };
}

async function overRedis() {
  const { Redis } = await import('ioredis');
  const commands = new Redis(REDIS_URL);
  const subscriber = new Redis(REDIS_URL);
  subscriber.on('message', deliver);
  return {
    open: (room) => void subscriber.subscribe(room),
    close: (room) => void subscriber.unsubscribe(room),
    publish: (room, text) => void commands.publish(room, text),
  };
}
