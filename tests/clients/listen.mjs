// An unmodified pusher-js or laravel-echo client under Node. Prints what happens to it as JSON lines.
// usage: node listen.mjs '{"library":"pusher"|"echo","key","host","port","authEndpoint","token","channels":[…],"events":[…],"params":{…},"tls"?:true}'
// Lines on stdin: {"leave": channel}. Channels are given as each library wants them: pusher-js takes wire names,
// laravel-echo logical ones with their kind: "join:presence.org.7", "private:user.7", "channel:news".
import { createInterface } from 'node:readline';
import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

const options = JSON.parse(process.argv[2]);
const say = (kind, rest = {}) => console.log(JSON.stringify({ kind, ...rest }));
const connection = {
  cluster: '', wsHost: options.host, wsPort: options.port, wssPort: options.port, forceTLS: options.tls ?? false,
  enabledTransports: ['ws'], disableStats: true,
};
// `params` go to the server with each request for a signature.
const auth = { headers: { Authorization: `Bearer ${options.token}` }, params: options.params };

function members(list) {
  const found = [];
  list.each((member) => found.push(member));
  return found;
}

function watchWithPusher() {
  const pusher = new Pusher(options.key, {
    ...connection, channelAuthorization: { endpoint: options.authEndpoint, transport: 'ajax', ...auth },
  });
  for (const name of options.channels) {
    const channel = pusher.subscribe(name);
    channel.bind('pusher:subscription_succeeded', (list) =>
      say('subscribed', { channel: name, members: list?.each ? members(list).map((m) => m.id) : [] }));
    channel.bind('pusher:subscription_error', (error) => say('refused', { channel: name, status: error.status }));
    channel.bind('pusher:member_added', (member) => say('joined', { channel: name, id: member.id, info: member.info }));
    channel.bind('pusher:member_removed', (member) => say('left', { channel: name, id: member.id }));
    for (const event of options.events) channel.bind(event, (data) => say('event', { channel: name, event, data }));
  }
  return { pusher, leave: (name) => pusher.unsubscribe(name) };
}

function watchWithEcho() {
  const echo = new Echo({
    broadcaster: 'reverb', Pusher, key: options.key, ...connection, authEndpoint: options.authEndpoint, auth,
  });
  for (const given of options.channels) {
    const [kind, name] = given.split(/:(.*)/s);
    const channel = echo[kind](name);
    channel.error?.((error) => say('refused', { channel: given, status: error.status }));
    if (kind === 'join') {
      channel.here((list) => say('subscribed', { channel: given, members: list.map((m) => m.id) }));
      channel.joining((member) => say('joined', { channel: given, id: member.id, info: member }));
      channel.leaving((member) => say('left', { channel: given, id: member.id }));
    } else {
      channel.subscribed?.(() => say('subscribed', { channel: given, members: [] }));
    }
    for (const event of options.events) channel.listen(`.${event}`, (data) => say('event', { channel: given, event, data }));
  }
  return { pusher: echo.connector.pusher, leave: (name) => echo.leave(name) };
}

const { pusher, leave } = options.library === 'echo' ? watchWithEcho() : watchWithPusher();
pusher.connection.bind('state_change', ({ current }) => say('state', { state: current }));
pusher.connection.bind('error', (error) => say('error', { code: (error?.error ?? error)?.data?.code ?? null }));
createInterface({ input: process.stdin })
  .on('line', (line) => leave(JSON.parse(line).leave))
  .on('close', () => process.exit(0));
