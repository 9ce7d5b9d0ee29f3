-- KEYS: a turn. ARGV: who wants it, for how many ms. Answers 0 when it is theirs from now on, else the ms until it ends.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return math.max(redis.call('PTTL', KEYS[1]), 1)
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
