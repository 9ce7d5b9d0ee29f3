-- KEYS: head, log, members, held, held by the node. ARGV: topic, epoch if there is none yet, socket id, record of member_removed.
-- Answers 1 when that was the user's last connection anywhere. Leaving twice, or by two reapers at once, counts once.
local user = redis.call('HGET', KEYS[5], ARGV[3])
if not user then
  return 0
end
redis.call('HDEL', KEYS[5], ARGV[3])
if redis.call('HINCRBY', KEYS[4], user, -1) > 0 then
  return 0
end
redis.call('HDEL', KEYS[4], user)
redis.call('HDEL', KEYS[3], user)
emit(KEYS[1], KEYS[2], ARGV[1], ARGV[2], { ARGV[4] })
return 1
