// A plain server on `ws`, which sends to one subscriber after the other as its documentation shows. Speaks as much of
// the protocol as the load client needs; signatures are not checked, which is to its advantage.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const greeting = JSON.stringify({
  event: "pusher:connection_established",
  data: JSON.stringify({ socket_id: "1.1", activity_timeout: 120 }),
});
const channels = new Map();

function publish({ name, channel, data }) {
  const text = JSON.stringify({ event: name, channel, data });
  for (const socket of channels.get(channel) ?? []) socket.send(text);
}

const server = createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    if (request.method === "POST") publish(JSON.parse(body));
    response.writeHead(200, { "Content-Length": 2 }).end("{}");
  });
});

new WebSocketServer({ server }).on("connection", (socket) => {
  socket.send(greeting);
  socket.on("message", (text) => {
    const { event, data } = JSON.parse(text);
    if (event !== "pusher:subscribe") return;
    if (!channels.has(data.channel)) channels.set(data.channel, new Set());
    channels.get(data.channel).add(socket);
    socket.send(JSON.stringify({ event: "pusher_internal:subscription_succeeded", channel: data.channel, data: "{}" }));
  });
});
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
