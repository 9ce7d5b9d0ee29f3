-- KEYS: nodes. ARGV: node, lease in ms. Answers {1 when the node was known and alive, nodes whose lease has ended, INFO}.
-- Redis' own clock decides, so that nodes need not agree on the time.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
local alive = known and tonumber(known) > now
return { alive and 1 or 0, redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now), redis.call('INFO', 'server') }
