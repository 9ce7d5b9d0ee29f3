-- KEYS: woken channels and their trails, the mark of the waiting task. ARGV: how many to take.
-- Answers how many are left, and those taken as a flat list. The mark goes first: whoever notes a channel later queues a task.
redis.call('DEL', KEYS[2])
local taken = redis.call('HRANDFIELD', KEYS[1], ARGV[1], 'WITHVALUES') or {}
for i = 1, #taken, 2 do
  redis.call('HDEL', KEYS[1], taken[i])
end
return { redis.call('HLEN', KEYS[1]), taken }
