-- KEYS: head, log. ARGV: the last outbox sequence that a client has seen.
-- Answers {epoch, offset of the head, then offset and record of each later outbox event, or false when they cannot all be given}.
local head = redis.call('HMGET', KEYS[1], 'epoch', 'offset', 'sequence')
local epoch, last = head[1] or '', tonumber(head[2] or '0')
local seen, newest = tonumber(ARGV[1]), tonumber(head[3] or '0')
if seen > newest then
  return { epoch, last, false }
end
local found, expected = { epoch, last }, seen + 1
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+')) do
  local sequence = tonumber(string.match(entry[2][2], '^%S* (%d+)[ \n]'))
  if sequence and sequence >= expected then
    if sequence > expected then
      return { epoch, last, false }
    end
    expected = sequence + 1
    found[#found + 1] = tonumber(string.match(entry[1], '^%d+'))
    found[#found + 1] = entry[2][2]
  end
end
if expected <= newest then
  return { epoch, last, false }
end
return found
