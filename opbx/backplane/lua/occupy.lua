-- KEYS: head, log, occupancy, count hold. ARGV: topic, epoch if there is none yet, node, its subscribers,
-- then, where subscribers are to be told of the count, what stands before and after the number in the record.
-- Answers {subscribers of all nodes before, and after, 1 when the count is to be told later}.
-- Above 100 subscribers the count is told at most every 5 s.
local FREE, HOLD = 100, 5000
local total = 0
for _, count in ipairs(redis.call('HVALS', KEYS[3])) do
  total = total + tonumber(count)
end
local before = total
local count = tonumber(ARGV[4])
total = total - tonumber(redis.call('HGET', KEYS[3], ARGV[3]) or '0') + count
if count > 0 then
  redis.call('HSET', KEYS[3], ARGV[3], count)
else
  redis.call('HDEL', KEYS[3], ARGV[3])
end
local later = 0
if ARGV[5] and total > 0 and tonumber(redis.call('HGET', KEYS[1], 'told') or '-1') ~= total then
  if total <= FREE or redis.call('SET', KEYS[4], '1', 'NX', 'PX', HOLD) then
    redis.call('HSET', KEYS[1], 'told', total)
    emit(KEYS[1], KEYS[2], ARGV[1], ARGV[2], { ARGV[5] .. string.format('%d', total) .. ARGV[6] })
  else
    later = 1
  end
end
return { before, total, later }
