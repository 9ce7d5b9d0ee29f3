-- Shared by the scripts that publish; put in front of each. Keys of one channel: head, log, topic (a name, not a key).
-- A batch on the topic: "epoch first_offset\n", then for each record its length (4 bytes, big endian) and itself.
local LOG_LENGTH, LOG_TTL, HEAD_TTL = 1000, 600000, 604800000

local function emit(head, log, topic, new_epoch, records)
  redis.call('HSETNX', head, 'epoch', new_epoch)
  local epoch = redis.call('HGET', head, 'epoch')
  local last = redis.call('HINCRBY', head, 'offset', #records)
  local first = last - #records + 1
  local batch = { epoch .. ' ' .. string.format('%d', first) .. '\n' }
  for i, record in ipairs(records) do
    redis.call('XADD', log, 'MAXLEN', '~', LOG_LENGTH, string.format('%d-0', first + i - 1), 'r', record)
    batch[#batch + 1] = struct.pack('>I4', #record)
    batch[#batch + 1] = record
  end
  redis.call('PEXPIRE', log, LOG_TTL)
  redis.call('PEXPIRE', head, HEAD_TTL)
  redis.call('PUBLISH', topic, table.concat(batch))
  return last
end
