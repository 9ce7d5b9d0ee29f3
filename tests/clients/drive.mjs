// pusher-js under Node, driven by lines on stdin and telling what happens to it as JSON lines.
// usage: node drive.mjs '{"key","secret","port","encryptionKey"?}'; subscriptions are signed here, as a back end would.
// {"do":"subscribe","channel","member"?:{user_id,user_info},"extra"?:{…},"bad"?:true} {"do":"unsubscribe","channel"}
// {"do":"trigger","channel","event","data"} {"do":"signin","user":{id,…}} {"do":"disconnect"}
import { createHash, createHmac } from 'node:crypto';
import { createInterface } from 'node:readline';
import Pusher from 'pusher-js';

const { key, secret, port, encryptionKey } = JSON.parse(process.argv[2]);
const say = (kind, rest = {}) => console.log(JSON.stringify({ kind, ...rest }));
const sign = (text) => `${key}:${createHmac('sha256', secret).update(text).digest('hex')}`;
const subscriptions = new Map();
let user = null;

function authorize({ socketId, channelName }, done) {
  const { member, extra, bad } = subscriptions.get(channelName) ?? {};
  const data = member || extra ? JSON.stringify({ ...member, ...extra }) : undefined;
  const auth = sign(`${socketId}:${channelName}${data ? `:${data}` : ''}`);
  const shared = channelName.startsWith('private-encrypted-') && {
    shared_secret: createHash('sha256').update(channelName).update(Buffer.from(encryptionKey, 'base64')).digest('base64'),
  };
  done(null, { auth: bad ? `${auth.slice(0, -4)}beef` : auth, ...(data && { channel_data: data }), ...shared });
}

function authenticate({ socketId }, done) {
  const userData = JSON.stringify(user);
  done(null, { auth: sign(`${socketId}::user::${userData}`), user_data: userData });
}

const pusher = new Pusher(key, {
  cluster: '', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'], disableStats: true,
  channelAuthorization: { customHandler: authorize }, userAuthentication: { customHandler: authenticate },
});

function members(list) {
  const found = {};
  list.each((member) => { found[member.id] = member.info; });
  return found;
}

function subscribe(command) {
  subscriptions.set(command.channel, command);
  const channel = pusher.subscribe(command.channel);
  channel.bind('client-typing', (_data, { user_id }) => say('sender', { user_id }));
  channel.bind_global((event, data) => {
    const presence = event === 'pusher:subscription_succeeded' && data?.each ? members(data) : data;
    say('event', { channel: command.channel, event, data: presence ?? null });
  });
}

const verbs = {
  subscribe,
  unsubscribe: ({ channel }) => pusher.unsubscribe(channel),
  trigger: ({ channel, event, data }) => pusher.channel(channel).trigger(event, data),
  disconnect: () => pusher.disconnect(),
  signin: (command) => {
    user = command.user;
    pusher.signin();
    for (const event of ['online', 'offline']) {
      pusher.user.watchlist.bind(event, ({ user_ids }) => say('watch', { event, user_ids }));
    }
    pusher.user.bind_global((event, data) => say('user', { event, data }));
  },
};

pusher.connection.bind('state_change', ({ current }) => say('state', { state: current }));
pusher.connection.bind('connected', () => say('connected', { socket_id: pusher.connection.socket_id }));
pusher.connection.bind('error', (error) => say('error', { code: error?.error?.data?.code ?? error?.data?.code ?? null }));
pusher.connection.bind('message', ({ event, data }) => { if (event === 'pusher:signin_success') say('signed_in', { data }); });
createInterface({ input: process.stdin })
  .on('line', (line) => { const command = JSON.parse(line); verbs[command.do](command); })
  .on('close', () => process.exit(0));
