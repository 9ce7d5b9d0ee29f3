-- KEYS: head, cache. Answers {epoch, offset of the head, offset of the cached message, its record or false}.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
local cached = redis.call('HMGET', KEYS[2], 'offset', 'record')
return { head[1] or '', tonumber(head[2] or '0'), tonumber(cached[1] or '0'), cached[2] }
