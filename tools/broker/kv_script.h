// kv_script.h - what Redis does for a request about an app's store: a script in its Lua, so that nobody sees half of
// it.
//
// Of each app there are four keys, by its name, and whatever a program calls its own keys is inside of them:
//
//   aotc:{APP}:values   hash    key -> version, " ", when it goes, " ", value
//   aotc:{APP}:names    sorted  keys, all with score 0, so in the order of their bytes
//   aotc:{APP}:times    sorted  keys that go, by when in milliseconds since 1970; 0: they stay
//   aotc:{APP}:app      hash    bytes that it takes, last version; a sum while it is made
//
// Times are Redis's own, so that nodes whose clocks differ agree. Versions are compared as text, since Lua's numbers do
// not hold all that a program may say. What has expired is there for nobody, and goes when its app writes.
//
// ARGV is the operation, the key, and what it says for each; the answer { status, version, when it goes, bytes... } as
// in aotc/kv.h.
#pragma once

constexpr char kKvScript[] = R"lua(
local values, names, times, app = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local operation, key = ARGV[1], ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local OK, NOT_THERE, CONFLICT, FULL, NO_NUMBER = 0, 1, 2, 3, 6

local function read(name)
  local record = redis.call('HGET', values, name)
  if not record then return nil end
  local version, expires, at = string.match(record, '^(%d+) (%d+) ()')
  expires = tonumber(expires)
  return {version = version, expires = expires, value = string.sub(record, at), there = expires == 0 or expires > now}
end

local function cost(name, value) return 2 * #name + #value + 88 end

local function take(bytes) redis.call('HINCRBY', app, 'bytes', string.format('%.0f', bytes)) end

local function erase(name, record)
  redis.call('HDEL', values, name)
  redis.call('ZREM', names, name)
  redis.call('ZREM', times, name)
  take(-cost(name, record.value))
end

local function purge()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', times, '-inf', now, 'LIMIT', 0, 100)) do erase(name, read(name)) end
end

local function put(record, value, expires)
  local bytes = cost(key, value) - (record and cost(key, record.value) or 0)
  if tonumber(redis.call('HGET', app, 'bytes') or 0) + bytes > tonumber(ARGV[3]) then return {FULL, 0, 0, ''} end
  local version = redis.call('HINCRBY', app, 'version', 1)
  take(bytes)
  redis.call('HSET', values, key, string.format('%.0f %.0f ', version, expires) .. value)
  redis.call('ZADD', names, 0, key)
  if expires > 0 then
    redis.call('ZADD', times, string.format('%.0f', expires), key)
  else
    redis.call('ZREM', times, key)
  end
  return {OK, version, 0, ''}
end

if operation == 'get' then
  local record = read(key)
  if not record or not record.there then return {NOT_THERE, 0, 0, ''} end
  return {OK, tonumber(record.version), record.expires, record.value}
end

if operation == 'list' then
  local from, to, most = ARGV[3], ARGV[4], tonumber(ARGV[5])
  local found = redis.call('ZRANGEBYLEX', names, from, to, 'LIMIT', 0, most)
  if #found == 0 then return {OK, 0, 0} end
  local goes = redis.call('ZMSCORE', times, unpack(found))
  local answer, size, last = {OK, #found == most and 1 or 0, 0}, 0, nil
  for i, name in ipairs(found) do
    last = name
    if not goes[i] or tonumber(goes[i]) > now then
      answer[#answer + 1] = name
      size = size + #name + 2
    end
    if size >= 65536 then
      answer[2] = 1
      break
    end
  end
  if answer[2] == 1 then answer[#answer + 1] = last end
  return answer
end

purge()
local record = read(key)
local version = record and record.there and record.version or '0'

if operation == 'put' then
  if ARGV[5] ~= '*' and ARGV[5] ~= version then return {CONFLICT, tonumber(version), 0, ''} end
  local lives = tonumber(ARGV[6])
  return put(record, ARGV[4], lives > 0 and now + lives or 0)
end

-- Redis adds, since Lua's numbers do not hold 64 bits.
if operation == 'add' then
  redis.call('HSET', app, 'sum', version == '0' and '0' or record.value)
  local added = redis.pcall('HINCRBY', app, 'sum', ARGV[4])
  local sum = redis.call('HGET', app, 'sum')
  redis.call('HDEL', app, 'sum')
  if type(added) == 'table' and added.err then return {NO_NUMBER, 0, 0, ''} end
  local answer = put(record, sum, version ~= '0' and record.expires or 0)
  if answer[1] == OK then answer[4] = sum end
  return answer
end

if operation == 'delete' then
  if version == '0' then return {NOT_THERE, 0, 0, ''} end
  if ARGV[3] ~= '*' and ARGV[3] ~= version then return {CONFLICT, tonumber(version), 0, ''} end
  erase(key, record)
  return {OK, 0, 0, ''}
end
)lua";
