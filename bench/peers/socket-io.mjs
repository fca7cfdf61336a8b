/**
 * socket.io as its documentation has it, for the benches: every socket is in one room, `publish` tells the room.
 * `RECOVERY=true` switches connection state recovery on, as documented: two minutes. Its first line tells the port.
 */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const recovery = { maxDisconnectionDuration: 2 * 60_000, skipMiddlewares: true };
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  ...(process.env.RECOVERY === 'true' && { connectionStateRecovery: recovery }),
});

io.on('connection', (socket) => {
  if (!socket.recovered) void socket.join('resilience');
  socket.on('publish', (text, acknowledge) => {
    io.to('resilience').emit('message', text);
    acknowledge();
  });
});

http.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  console.log(JSON.stringify({ event: 'listening', port: http.address().port }));
});
process.once('SIGTERM', () => void io.close());
