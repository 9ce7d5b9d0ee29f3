-- KEYS: woken channels and their trails, the mark of the task. ARGV: how many to take, for how many ms the mark stays.
-- Answers how many are left, and those taken as a flat list. Where none is, the mark goes: the next wake queues a task.
local taken = redis.call('HRANDFIELD', KEYS[1], ARGV[1], 'WITHVALUES') or {}
if #taken == 0 then
  redis.call('DEL', KEYS[2])
  return { 0, taken }
end
for i = 1, #taken, 2 do
  redis.call('HDEL', KEYS[1], taken[i])
end
redis.call('SET', KEYS[2], '1', 'PX', ARGV[2])
return { redis.call('HLEN', KEYS[1]), taken }
