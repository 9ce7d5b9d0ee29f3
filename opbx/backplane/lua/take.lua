-- KEYS: a bucket. ARGV: tokens wanted, tokens a second, which is also what the bucket holds.
-- Answers {1 when they were taken, tokens left, ms until as many as wanted are there}.
local wanted, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local bucket = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = math.min(rate, tonumber(bucket[1] or rate) + (now - tonumber(bucket[2] or now)) * rate / 1000)
local taken = tokens >= wanted
if taken then
  tokens = tokens - wanted
end
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', string.format('%d', now))
redis.call('PEXPIRE', KEYS[1], 2000)
return { taken and 1 or 0, math.floor(tokens), taken and 0 or math.ceil((wanted - tokens) * 1000 / rate) }
