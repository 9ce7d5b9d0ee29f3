-- KEYS: the channels of a node. ARGV: "app:channel". Before its first join there: a reaper must find whatever a node holds.
return redis.call('SADD', KEYS[1], ARGV[1])
