-- KEYS: head, members. Answers {epoch, offset, members}: how many there are, true at that offset.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
return { head[1] or '', tonumber(head[2] or '0'), redis.call('HLEN', KEYS[2]) }
