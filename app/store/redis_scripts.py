"""What Redis does for us in one step each, as Lua scripts. They need Redis 6.0 or later.

Time is Redis' own (`TIME`), in milliseconds: replicas need not agree about it. Keys hold only what
callers gave, which are hashes and addresses, behind `PREFIX`; the braces in it keep all of them in
one slot of a cluster, so that a script may touch several.

    ticket:KEY         the record behind its owner, until it expires
    tickets, tickets:OWNER   live tickets by the time of their end
    processes          live processes by the time at which they count as dead
    held:PROCESS       its sessions, each with user and address: what to clean up after it
    user:USER, address:ADDRESS   live sessions with their processes
    open:..., open-address:...   when the allowance of openings will be whole again
    revoked:USER       while its new sessions are refused
    revocations        a stream of them, for those that missed the message on the channel
"""

from __future__ import annotations

from app.store.redis_line import Script

PREFIX = "relay:{store}:"
CHANNEL = PREFIX + "revoked"
PROCESSES = PREFIX + "processes"
REVOCATIONS = PREFIX + "revocations"
TICKETS = PREFIX + "tickets"

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""

_CLEAR = """
local function clear(prefix, process, part)
  for i = 1, #part, 2 do
    local session, lease = part[i], cjson.decode(part[i + 1])
    local keys = {prefix .. 'user:' .. lease[1]}
    if type(lease[2]) == 'string' then keys[2] = prefix .. 'address:' .. lease[2] end
    for _, key in ipairs(keys) do
      if redis.call('HGET', key, session) == process then redis.call('HDEL', key, session) end
    end
    redis.call('HDEL', prefix .. 'held:' .. process, session)
  end
end
"""

MEMORY = Script(
    """
local told = redis.pcall('INFO', 'memory')
return type(told) == 'string' and told or ''
""",
    bytes,
)
"""Empty where this account may not ask."""

PUT_TICKET = Script(
    _NOW
    + """
local ticket, owned, all = KEYS[1], KEYS[2], KEYS[3]
local key, record, life = ARGV[1], ARGV[2], tonumber(ARGV[3])
for _, set in ipairs({owned, all}) do redis.call('ZREMRANGEBYSCORE', set, '-inf', now) end
if redis.call('EXISTS', ticket) == 1 then return {'known', 0, 0} end
for i, set in ipairs({owned, all}) do
  local live = redis.call('ZCARD', set)
  if live >= tonumber(ARGV[3 + i]) then
    local first = redis.call('ZRANGE', set, 0, 0, 'WITHSCORES')
    return {set == owned and 'owner' or 'all', live, math.ceil(first[2] - now)}
  end
end
for _, set in ipairs({owned, all}) do
  redis.call('ZADD', set, now + life, key)
  redis.call('PEXPIRE', set, math.max(life, redis.call('PTTL', set)))
end
-- last, so that a script that fails before its end has made no ticket
redis.call('SET', ticket, record, 'PX', life)
return {'kept', 0, 0}
""",
    tuple[bytes, int, int],
)
"""KEYS ticket, tickets:OWNER, tickets. ARGV key, LENGTH:OWNER RECORD, life, cap per owner, cap."""

TAKE_TICKET = Script(
    """
local value = redis.call('GET', KEYS[1])
if not value then return nil end
redis.call('DEL', KEYS[1])
local colon = string.find(value, ':', 1, true)
local stop = colon + tonumber(string.sub(value, 1, colon - 1))
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('ZREM', ARGV[1] .. 'tickets:' .. string.sub(value, colon + 1, stop), ARGV[2])
return string.sub(value, stop + 1)
""",
    bytes | None,
)
"""KEYS ticket, tickets. ARGV prefix, key."""

ENTER = Script(
    _NOW
    + """
local session, process = ARGV[1], ARGV[2]
local lives = {}
local function alive(one)
  if lives[one] == nil then
    local till = redis.call('ZSCORE', KEYS[5], one)
    lives[one] = till and tonumber(till) > now or false
  end
  return lives[one]
end
local function refuse(why, wait)
  for _, i in ipairs({3, 4, 7}) do
    if KEYS[i] then redis.call('HDEL', KEYS[i], session) end
  end
  return {why, math.ceil(wait)}
end
if not alive(process) then return {'lost', 0} end

local left = redis.call('PTTL', KEYS[1])
if left > 0 then return refuse('revoked', left) end

local wholes, wait = {}, 0
for i, at in pairs({[2] = 5, [6] = 7}) do
  if KEYS[i] then
    local apart = 60000 / tonumber(ARGV[at])
    local whole = math.max(tonumber(redis.call('GET', KEYS[i]) or now), now) + apart
    wholes[KEYS[i]] = whole
    wait = math.max(wait, whole - 60000 - now)
  end
end
if wait > 0.5 then return refuse('openings_per_minute', wait) end
for key, whole in pairs(wholes) do
  redis.call('SET', key, string.format('%.3f', whole), 'PX', math.ceil(whole - now))
end

local function full(key, cap)
  if redis.call('HLEN', key) < cap then return false end
  local found, others = redis.call('HGETALL', key), 0
  for i = 1, #found, 2 do
    if not alive(found[i + 1]) then redis.call('HDEL', key, found[i])
    elseif found[i] ~= session then others = others + 1 end
  end
  return others >= cap
end
if full(KEYS[3], tonumber(ARGV[4])) then return refuse('sessions_per_user', 0) end
if KEYS[7] and full(KEYS[7], tonumber(ARGV[6])) then return refuse('sessions_per_ip', 0) end

redis.call('HSET', KEYS[3], session, process)
redis.call('HSET', KEYS[4], session, ARGV[3])
if KEYS[7] then redis.call('HSET', KEYS[7], session, process) end
return {'in', 0}
""",
    tuple[bytes, int],
)
"""KEYS revoked:USER, open:USER, user:USER, held:PROCESS, processes[, open-address:ADDRESS,
address:ADDRESS]. ARGV session, process, [user, address] as JSON, sessions and openings per minute
of a user[, sessions and openings per minute of an address]."""

LEAVE = Script(
    """
for _, key in ipairs(KEYS) do redis.call('HDEL', key, ARGV[1]) end
return 1
""",
    int,
)
"""KEYS user:USER, held:PROCESS[, address:ADDRESS]. ARGV session."""

BEAT = Script(
    _NOW
    + _CLEAR
    + """
local prefix, process, last = ARGV[1], ARGV[2], ARGV[4]
local till = redis.call('ZSCORE', KEYS[1], process)
local alive = till and tonumber(till) > now
local beaten = redis.pcall('ZADD', KEYS[1], 'XX', now + tonumber(ARGV[3]), alive and process or '')
local room = type(beaten) == 'number' and 1 or 0

for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 3)) do
  if dead ~= process then
    local held = prefix .. 'held:' .. dead
    clear(prefix, dead, redis.call('HSCAN', held, 0, 'COUNT', 200)[2])
    if redis.call('EXISTS', held) == 0 then redis.call('ZREM', KEYS[1], dead) end
  end
end

local function before(one, other)
  local ms, nr = string.match(one, '(%d+)-(%d+)')
  local oms, onr = string.match(other, '(%d+)-(%d+)')
  if ms ~= oms then return tonumber(ms) < tonumber(oms) end
  return tonumber(nr) < tonumber(onr)
end
if last ~= '' then
  -- another Redis, whose clock or whose memory is behind: `last` would hide all that is new here
  local newest = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1]
  if not newest or before(newest[1], last) then last = '' end
end
if last == '' then last = string.format('%.0f-0', now - tonumber(ARGV[5])) end
local read = redis.call('XREAD', 'COUNT', 100, 'STREAMS', KEYS[3], last)
local news = read and read[1][2] or {}
return {alive and 1 or 0, redis.call('HLEN', KEYS[2]), now, last, news, room}
""",
    tuple[int, int, int, bytes, list[tuple[bytes, list[bytes]]], int],
)
"""KEYS processes, held:PROCESS, revocations. ARGV prefix, process, how long it counts as alive, the
last revocation heard or '', how old the oldest of interest is. Where the stream does not reach as
far as the last one heard, it is read from the oldest of interest: some are told again."""

REGISTER = Script(
    _NOW
    + _CLEAR
    + """
local prefix, process = ARGV[1], ARGV[2]
local held = prefix .. 'held:' .. process
if ARGV[4] == 'first' then clear(prefix, process, redis.call('HGETALL', held)) end
for i = 6, #ARGV, 2 do
  local session, lease = ARGV[i], cjson.decode(ARGV[i + 1])
  redis.call('HSET', held, session, ARGV[i + 1])
  redis.call('HSET', prefix .. 'user:' .. lease[1], session, process)
  if type(lease[2]) == 'string' then
    redis.call('HSET', prefix .. 'address:' .. lease[2], session, process)
  end
end
if ARGV[5] == 'last' then
  local life = tonumber(ARGV[3])
  if life > 0 then redis.call('ZADD', KEYS[1], now + life, process)
  else redis.call('ZREM', KEYS[1], process) end
end
return 1
""",
    int,
)
"""KEYS processes, held:PROCESS. ARGV prefix, process, how long it counts as alive (0: it ends),
'first' to forget what it held, 'last' to count as alive from now on, then pairs of a session and
[user, address] as JSON."""

REVOKE = Script(
    """
local message, life = ARGV[1], tonumber(ARGV[2])
local number = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'r', message)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if KEYS[2] and life > 0 then
  redis.call('SET', KEYS[2], 1, 'PX', math.max(life, redis.call('PTTL', KEYS[2])))
end
redis.pcall('PUBLISH', ARGV[5], '1')
return number
""",
    bytes,
)
"""KEYS revocations[, revoked:USER]. ARGV the revocation as JSON, how long the user is refused, how
many the stream keeps and for how long, the channel. Who may not publish is heard by heartbeat."""
