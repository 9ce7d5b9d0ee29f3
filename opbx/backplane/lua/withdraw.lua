-- KEYS: the channels of a node. ARGV: "app:channel", in which it holds nobody any more.
return redis.call('SREM', KEYS[1], ARGV[1])
