-- KEYS: an app's webhook events, a mark of this event. ARGV: the event, how many to keep. Answers 1 when it was queued, 0 when it was already.
-- The entry's id is the time of the event, in ms by Redis' clock. What no worker takes goes after a day.
local TTL, MARK_TTL = 86400000, 60000
if not redis.call('SET', KEYS[2], '1', 'NX', 'PX', MARK_TTL) then
  return 0
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('PEXPIRE', KEYS[1], TTL)
return 1
