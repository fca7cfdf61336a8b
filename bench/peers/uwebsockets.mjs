/**
 * Rooms on uWebSockets.js, by its own publish and subscribe: `/ws/chat/<room>`, `{"user", "text"}` in, one frame to every
 * member of the room. `UWS=<module>` is where it is. Its first line tells the port.
 */
const { default: uws } = await import(process.env.UWS ?? 'uwebsockets');

const app = uws.App();
app.ws('/ws/chat/:room', {
  upgrade(response, request, context) {
    response.upgrade(
      { room: request.getParameter(0) },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open(ws) {
    ws.subscribe(ws.getUserData().room);
  },
  message(ws, data) {
    let body;
    try {
      body = JSON.parse(Buffer.from(data).toString());
    } catch {
      return ws.send('{"type":"error","code":"bad_frame"}');
    }
    if (typeof body.text !== 'string' || body.text === '') {
      return ws.send('{"type":"error","code":"invalid_payload"}');
    }
    const { room } = ws.getUserData();
    const timestamp = new Date().toISOString();
    // By the app and not by the socket: the sender is a member like all others.
    app.publish(room, JSON.stringify({ type: 'message', room, user: body.user, text: body.text, timestamp }));
  },
});
app.listen('127.0.0.1', Number(process.env.PORT ?? 0), (socket) => {
  console.log(JSON.stringify({ event: 'listening', port: uws.us_socket_local_port(socket) }));
});
