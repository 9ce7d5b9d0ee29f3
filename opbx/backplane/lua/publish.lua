-- KEYS: head, log, cache. ARGV: topic, epoch if there is none yet, 1 to keep the last message for newcomers (cache channels),
-- then sequence ('' for none) and record of each message.
-- Answers how many were new: a sequence that was published before is left out.
local CACHE_TTL = 1800000
local known = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
local newest, fresh = known, {}
for i = 4, #ARGV, 2 do
  local sequence = tonumber(ARGV[i])
  if not sequence then
    fresh[#fresh + 1] = ARGV[i + 1]
  elseif sequence > newest then
    newest = sequence
    fresh[#fresh + 1] = ARGV[i + 1]
  end
end
if #fresh > 0 then
  local last = emit(KEYS[1], KEYS[2], ARGV[1], ARGV[2], fresh)
  if newest > known then
    redis.call('HSET', KEYS[1], 'sequence', string.format('%d', newest))
  end
  if ARGV[3] == '1' then
    redis.call('HSET', KEYS[3], 'offset', string.format('%d', last), 'record', fresh[#fresh])
    redis.call('PEXPIRE', KEYS[3], CACHE_TTL)
  end
end
return #fresh
