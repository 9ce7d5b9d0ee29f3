-- KEYS: a turn. ARGV: who held it. Answers 1 when it was still theirs.
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
