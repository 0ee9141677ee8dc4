import { createHash } from 'node:crypto'

/**
 * Token buckets in Redis, on Redis's own clock: those of the instances may differ. KEYS are the buckets, ARGV their
 * capacity and tokens a second in turn. Answers 0 when one token was taken out of each, else the ms until each has one.
 */
export const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local wait = 0
local left = {}
for i, key in ipairs(KEYS) do
  local capacity = tonumber(ARGV[2 * i - 1])
  local rate = tonumber(ARGV[2 * i]) / 1000
  local bucket = redis.call('HMGET', key, 'tokens', 'at')
  local tokens = tonumber(bucket[1]) or capacity
  local at = tonumber(bucket[2]) or now
  tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
  left[i] = tokens
  if tokens < 1 then wait = math.max(wait, math.ceil((1 - tokens) / rate)) end
end
if wait > 0 then return wait end
for i, key in ipairs(KEYS) do
  local full = math.ceil(tonumber(ARGV[2 * i - 1]) / (tonumber(ARGV[2 * i]) / 1000))
  redis.call('HSET', key, 'tokens', tostring(left[i] - 1), 'at', tostring(now))
  redis.call('PEXPIRE', key, full + 1000)
end
return 0
`

export const takeScriptSha = createHash('sha1').update(takeScript).digest('hex')
