import { RedisScript } from './redis-script.js';

export interface RoomScriptSettings {
  /** Sharded channels, as a cluster needs them. */
  readonly sharded: boolean;
  /** 0: no limit. */
  readonly historySize: number;
  /** 0: no limit. */
  readonly historyTtlMs: number;
  readonly dedupeTtlMs: number;
  /** Above 0: what is published is waited for to be on replicas. */
  readonly waitReplicas: number;
}

/** What a broker runs in Redis. */
export interface RoomScripts {
  /** KEYS metadata, stream, channel[, dedupe]; ARGV candidate epoch, payload. */
  readonly publish: RedisScript;
  /** KEYS metadata, stream, channel[, dedupe]; ARGV candidate epoch, payload, except. */
  readonly publishUnstored: RedisScript;
  /** KEYS metadata and stream of each room; ARGV candidate epoch. */
  readonly positions: RedisScript;
  /** KEYS metadata, stream; ARGV candidate epoch, `up` or `down`, first offset, limit, most bytes. */
  readonly history: RedisScript;
}

const DAY_MS = 86_400_000;
/** How long a room that nobody publishes into or looks at keeps its numbering. */
const METADATA_TTL_MS = 30 * DAY_MS;
const MAX_ANCESTORS = 16;

/**
 * Lua that answers a publish whose dedupe key is known as it was answered first. Since Redis 7.2 WAIT is about the
 * connection's own writes: where replicas are waited for, a duplicate makes one, which comes after the first publish.
 */
export function answerIfKnown(key: string, isWaitedFor: boolean): string {
  return `local dedupe = ${key}
if dedupe then
  local first = redis.call('GET', dedupe)
  if first then
    ${isWaitedFor ? `redis.call('SET', dedupe, first, 'KEEPTTL')` : ''}
    return first
  end
end`;
}

/** Makes the scripts. The settings stand in their text: arguments that never change needn't travel with each message. */
export function roomScripts(settings: RoomScriptSettings): RoomScripts {
  const { historySize, historyTtlMs, dedupeTtlMs, waitReplicas } = settings;
  const metadataTtlMs = metadataTtlOf(historyTtlMs);
  const publishCommand = settings.sharded ? 'SPUBLISH' : 'PUBLISH';
  const room = openRoom(metadataTtlMs);

  // The stream is written first: what may be refused is refused before anything has changed.
  const publish = `${room}
${answerIfKnown('KEYS[4]', waitReplicas > 0)}
local epoch, top = open_room(KEYS[1], KEYS[2], ARGV[1], replication_id())
local offset = string.format('%.0f', top + 1)
redis.call('XADD', KEYS[2], ${historySize > 0 ? `'MAXLEN', '${historySize}', ` : ''}offset .. '-0', 'p', ARGV[2])
${expire('KEYS[2]', historyTtlMs)}
redis.call('HSET', KEYS[1], 'o', offset)
${expire('KEYS[1]', metadataTtlMs)}
local header = epoch .. ' ' .. offset
if dedupe then redis.call('SET', dedupe, '1 ' .. header, 'PX', '${dedupeTtlMs}') end
redis.call('${publishCommand}', KEYS[3], header .. ' \\n' .. ARGV[2])
return '0 ' .. header`;

  const publishUnstored = `${room}
${answerIfKnown('KEYS[4]', false)}
local epoch = open_room(KEYS[1], KEYS[2], ARGV[1], replication_id())
if dedupe then redis.call('SET', dedupe, '1 ' .. epoch .. ' 0', 'PX', '${dedupeTtlMs}') end
redis.call('${publishCommand}', KEYS[3], epoch .. ' 0 ' .. ARGV[3] .. '\\n' .. ARGV[2])
return '0 ' .. epoch .. ' 0'`;

  const positions = `${room}
local replid = replication_id()
local reply = {}
for i = 1, #KEYS, 2 do add_position(reply, KEYS[i], KEYS[i + 1], ARGV[1] .. '-' .. i, replid) end
return reply`;

  // Frames are fetched in portions sized by what they weighed so far: a stream of large frames is not copied for nothing.
  const history = `${room}
local reply = {}
add_position(reply, KEYS[1], KEYS[2], ARGV[1], replication_id())
local up, at = ARGV[2] == 'up', tonumber(ARGV[3])
local left, room_for = tonumber(ARGV[4]), tonumber(ARGV[5])
local given, bytes = 0, 0
while left > 0 and at >= 0 do
  local portion = 16
  if given > 0 then portion = math.floor((room_for - bytes) * given / (bytes + 1)) + 1 end
  portion = math.min(portion, left, 256)
  local id = string.format('%.0f', at)
  local entries
  if up then
    entries = redis.call('XRANGE', KEYS[2], id, '+', 'COUNT', portion)
  else
    entries = redis.call('XREVRANGE', KEYS[2], id, '-', 'COUNT', portion)
  end
  for _, entry in ipairs(entries) do
    local payload = entry[2][2]
    bytes = bytes + #payload
    if bytes > room_for and given > 0 then return reply end
    given = given + 1
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = payload
  end
  if #entries < portion then return reply end
  left = left - portion
  local last = tonumber(string.match(entries[portion][1], '^%d+'))
  at = up and last + 1 or last - 1
end
return reply`;

  return {
    publish: new RedisScript(publish),
    publishUnstored: new RedisScript(publishUnstored),
    positions: new RedisScript(positions),
    history: new RedisScript(history),
  };
}

/** The numbering must outlive what is numbered by it. */
export function metadataTtlOf(historyTtlMs: number): number {
  return historyTtlMs === 0 ? 0 : Math.max(METADATA_TTL_MS, historyTtlMs);
}

/**
 * What every script of a room begins with. `open_room` gives the present epoch and the top. It begins an epoch where
 * there is none, and where the data changed hands since the last look: a restart and a failover both give the server
 * another replication id, and both may have lost the newest frames (docs/adr/0001-fence-in-the-script.md).
 */
export function openRoom(metadataTtlMs: number): string {
  return `
local function replication_id()
  local info = redis.pcall('INFO', 'replication')
  local at = type(info) == 'string' and string.find(info, 'master_replid:', 1, true)
  return at and string.sub(info, at + 14, at + 53) or ''
end

local function open_room(metadata, stream, candidate, replid)
  local room = redis.call('HMGET', metadata, 'e', 'o', 'r')
  local epoch, top = room[1], room[2] or '0'
  if epoch and room[3] == replid then return epoch, tonumber(top) end
  local ancestors = ''
  if epoch then
    ancestors = epoch .. ':' .. top
    local count = 1
    for pair in string.gmatch(redis.call('HGET', metadata, 'a') or '', '%S+') do
      if count == ${MAX_ANCESTORS} then break end
      ancestors, count = ancestors .. ' ' .. pair, count + 1
    end
  else
    redis.call('UNLINK', stream)
  end
  redis.call('HSET', metadata, 'e', candidate, 'o', top, 'r', replid, 'a', ancestors)
  ${expire('metadata', metadataTtlMs)}
  return candidate, tonumber(top)
end

local function keep(metadata)
  ${metadataTtlMs > 0 ? `if redis.call('PTTL', metadata) < ${Math.floor(metadataTtlMs / 2)} then ${expire('metadata', metadataTtlMs)} end` : ''}
end

local function add_position(reply, metadata, stream, candidate, replid)
  local epoch, top = open_room(metadata, stream, candidate, replid)
  keep(metadata)
  reply[#reply + 1] = epoch
  reply[#reply + 1] = string.format('%.0f', top)
  reply[#reply + 1] = string.format('%.0f', top + 1 - redis.call('XLEN', stream))
  reply[#reply + 1] = redis.call('HGET', metadata, 'a') or ''
end
`;
}

export function expire(key: string, ttlMs: number): string {
  return ttlMs > 0 ? `redis.call('PEXPIRE', ${key}, '${ttlMs}')` : `redis.call('PERSIST', ${key})`;
}
