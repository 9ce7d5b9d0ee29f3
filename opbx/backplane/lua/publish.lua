-- KEYS: head, log. ARGV: topic, epoch if there is none yet, then sequence ('' for none) and record of each message.
-- Answers how many were new: a sequence that was published before is left out.
local known = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
local newest, fresh = known, {}
for i = 3, #ARGV, 2 do
  local sequence = tonumber(ARGV[i])
  if not sequence then
    fresh[#fresh + 1] = ARGV[i + 1]
  elseif sequence > newest then
    newest = sequence
    fresh[#fresh + 1] = ARGV[i + 1]
  end
end
if #fresh > 0 then
  emit(KEYS[1], KEYS[2], ARGV[1], ARGV[2], fresh)
  if newest > known then
    redis.call('HSET', KEYS[1], 'sequence', string.format('%d', newest))
  end
end
return #fresh
