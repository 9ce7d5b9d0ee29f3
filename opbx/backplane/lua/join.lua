-- KEYS: head, log, members, held, held by this node.
-- ARGV: topic, epoch if there is none yet, socket id, user id, member info, most members (0: no limit), record of member_added.
-- Answers {'full'} or {epoch, offset, members as a flat list, 1 when the user is new}: the snapshot is true at that offset.
-- Joining again with the same socket changes nothing, so that a retry is safe.
local socket, user = ARGV[3], ARGV[4]
local first = 0
if redis.call('HEXISTS', KEYS[5], socket) == 0 then
  local present = redis.call('HEXISTS', KEYS[3], user) == 1
  local limit = tonumber(ARGV[6])
  if not present and limit > 0 and redis.call('HLEN', KEYS[3]) >= limit then
    return { 'full' }
  end
  redis.call('HSET', KEYS[5], socket, user)
  redis.call('HINCRBY', KEYS[4], user, 1)
  if not present then
    first = 1
    redis.call('HSET', KEYS[3], user, ARGV[5])
    emit(KEYS[1], KEYS[2], ARGV[1], ARGV[2], { ARGV[7] })
  end
end
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[2])
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
return { head[1], tonumber(head[2] or '0'), redis.call('HGETALL', KEYS[3]), first }
