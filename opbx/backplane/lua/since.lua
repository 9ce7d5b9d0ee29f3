-- KEYS: head, log. ARGV: epoch, offset up to which the relay has everything ('' and 0: from a time when there was no head yet).
-- Answers {epoch, offset of the head, records after the given offset, or false when they cannot all be given}.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
local epoch, last = head[1] or '', tonumber(head[2] or '0')
local from = tonumber(ARGV[2])
if (epoch ~= ARGV[1] and ARGV[1] ~= '') or last < from then
  return { epoch, last, false }
end
local records = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], string.format('%d', from + 1), '+')) do
  records[#records + 1] = entry[2][2]
end
if #records ~= last - from then
  return { epoch, last, false }
end
return { epoch, last, records }
