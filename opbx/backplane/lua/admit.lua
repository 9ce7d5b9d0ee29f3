-- KEYS: connections by node. ARGV: node, how many it has, how many more it wants, most over all nodes (-1: no limit).
-- Answers how many more it may have.
local held, wanted, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if most >= 0 then
  local total = held - tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
  for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
    total = total + tonumber(count)
  end
  wanted = math.max(math.min(wanted, most - total), 0)
end
if held + wanted > 0 then
  redis.call('HSET', KEYS[1], ARGV[1], held + wanted)
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return wanted
