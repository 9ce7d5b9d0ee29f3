// Bun's built-in uWebSockets with its own publish/subscribe. Speaks as much of the protocol as the load client needs;
// signatures are not checked, which is to its advantage.
const greeting = JSON.stringify({
  event: "pusher:connection_established",
  data: JSON.stringify({ socket_id: "1.1", activity_timeout: 120 }),
});

Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2]),
  async fetch(request, server) {
    if (request.method === "POST") {
      const { name, channel, data } = await request.json();
      server.publish(channel, JSON.stringify({ event: name, channel, data }));
      return new Response("{}");
    }
    return server.upgrade(request) ? undefined : new Response("ok");
  },
  websocket: {
    idleTimeout: 300,
    perMessageDeflate: false,
    open: (socket) => void socket.send(greeting),
    message(socket, text) {
      const { event, data } = JSON.parse(text);
      if (event !== "pusher:subscribe") return;
      socket.subscribe(data.channel);
      socket.send(JSON.stringify({ event: "pusher_internal:subscription_succeeded", channel: data.channel, data: "{}" }));
    },
  },
});
