import { MAX_LATEST_KEYS } from './latest-frames.js';
import { RedisScript } from './redis-script.js';
import { answerIfKnown, expire, metadataTtlOf, openRoom } from './redis-scripts.js';
import type { RoomScriptSettings } from './redis-scripts.js';

/** What a broker runs in Redis for rooms that keep the newest frame per key (OR4). */
export interface LatestScripts {
  /** KEYS metadata, frames, versions, channel[, dedupe]; ARGV candidate epoch, payload, key. */
  readonly publish: RedisScript;
  /** KEYS metadata, frames and versions of each room; ARGV candidate epoch. */
  readonly positions: RedisScript;
  /** KEYS metadata, frames, versions; ARGV candidate epoch, version that is known, limit, most bytes. */
  readonly read: RedisScript;
}

/**
 * Makes the scripts. A room's versions are numbered like the offsets of any room, with the same fence: what is newer in
 * the store is newer by its version, and where a restart or a failover took versions back, the epoch is another.
 */
export function latestScripts(settings: RoomScriptSettings): LatestScripts {
  const { historyTtlMs, dedupeTtlMs } = settings;
  const metadataTtlMs = metadataTtlOf(historyTtlMs);
  const room = openRoom(metadataTtlMs);
  const publishCommand = settings.sharded ? 'SPUBLISH' : 'PUBLISH';

  // The frame is written first: what may be refused is refused before anything has changed.
  const publish = `${room}
${answerIfKnown('KEYS[5]', settings.waitReplicas > 0)}
local epoch, top = open_room(KEYS[1], KEYS[2], ARGV[1], replication_id())
redis.call('HSET', KEYS[2], ARGV[3], ARGV[2])
if top == 0 then redis.call('UNLINK', KEYS[3]) end
local version = string.format('%.0f', top + 1)
redis.call('ZADD', KEYS[3], version, ARGV[3])
if redis.call('ZCARD', KEYS[3]) > ${MAX_LATEST_KEYS} then
  redis.call('HDEL', KEYS[2], redis.call('ZPOPMIN', KEYS[3])[1])
end
${expire('KEYS[2]', historyTtlMs)}
${expire('KEYS[3]', historyTtlMs)}
redis.call('HSET', KEYS[1], 'o', version)
${expire('KEYS[1]', metadataTtlMs)}
local answer = epoch .. ' 0'
if dedupe then redis.call('SET', dedupe, '1 ' .. answer, 'PX', '${dedupeTtlMs}') end
redis.call('${publishCommand}', KEYS[4], epoch .. ' ' .. version .. ' ' .. ARGV[3] .. '\\n' .. ARGV[2])
return '0 ' .. answer`;

  const latest = `${room}
local function add_latest(reply, metadata, frames, versions, candidate, replid)
  local epoch, top = open_room(metadata, frames, candidate, replid)
  keep(metadata)
  reply[#reply + 1] = epoch
  reply[#reply + 1] = string.format('%.0f', top)
  reply[#reply + 1] = redis.call('ZRANGE', versions, 0, 0, 'WITHSCORES')[2] or string.format('%.0f', top + 1)
  reply[#reply + 1] = ''
end
`;

  const positions = `${latest}
local replid = replication_id()
local reply = {}
for i = 1, #KEYS, 3 do add_latest(reply, KEYS[i], KEYS[i + 1], KEYS[i + 2], ARGV[1] .. '-' .. i, replid) end
return reply`;

  const read = `${latest}
local reply = {}
add_latest(reply, KEYS[1], KEYS[2], KEYS[3], ARGV[1], replication_id())
local keys = redis.call('ZRANGE', KEYS[3], '(' .. ARGV[2], '+inf', 'BYSCORE', 'LIMIT', 0, ARGV[3], 'WITHSCORES')
local bytes, most = 0, tonumber(ARGV[4])
for i = 1, #keys, 2 do
  local payload = redis.call('HGET', KEYS[2], keys[i])
  if payload then
    bytes = bytes + #payload
    if bytes > most and #reply > 4 then return reply end
    reply[#reply + 1] = keys[i]
    reply[#reply + 1] = keys[i + 1]
    reply[#reply + 1] = payload
  end
end
return reply`;

  return {
    publish: new RedisScript(publish),
    positions: new RedisScript(positions),
    read: new RedisScript(read),
  };
}
