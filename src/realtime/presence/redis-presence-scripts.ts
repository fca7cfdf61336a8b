import { RedisScript } from '../broker/redis-script.js';

/** KEYS users, names, pod counts, users of the pod; ARGV id and name of each. Gives: first (of the first of them), users now. */
export const enterScript = new RedisScript(`
local first = 0
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
  if redis.call('SADD', KEYS[4], ARGV[i]) == 1 and redis.call('HINCRBY', KEYS[3], ARGV[i], 1) == 1 then
    redis.call('ZADD', KEYS[1], 0, ARGV[i])
    if i == 1 then first = 1 end
  end
end
return { first, redis.call('ZCARD', KEYS[1]) }`);

/** KEYS as for enter; ARGV id. Gives: last, users now. */
export const exitScript = new RedisScript(`
local last = 0
if redis.call('SREM', KEYS[4], ARGV[1]) == 1 and redis.call('HINCRBY', KEYS[3], ARGV[1], -1) <= 0 then
  redis.call('HDEL', KEYS[3], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[1], ARGV[1])
  last = 1
end
return { last, redis.call('ZCARD', KEYS[1]) }`);

/**
 * Takes users of a dead pod out of a room. KEYS as for enter; ARGV most users. Gives: how many of the pod's remain, then
 * id, name and users now of each who is in the room no more. Whoever gets a user here is the only one who does.
 */
export const reapScript = new RedisScript(`
local reply = { 0 }
for _, id in ipairs(redis.call('SPOP', KEYS[4], ARGV[1])) do
  if redis.call('HINCRBY', KEYS[3], id, -1) <= 0 then
    local name = redis.call('HGET', KEYS[2], id) or ''
    redis.call('HDEL', KEYS[3], id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[1], id)
    reply[#reply + 1] = id
    reply[#reply + 1] = name
    reply[#reply + 1] = redis.call('ZCARD', KEYS[1])
  end
end
reply[1] = redis.call('SCARD', KEYS[4])
return reply`);

/** KEYS users, names; ARGV lexicographic minimum, limit. Gives: users now, 1 where more follow, then id and name of each. */
export const listScript = new RedisScript(`
local limit = tonumber(ARGV[2])
local ids = redis.call('ZRANGE', KEYS[1], ARGV[1], '+', 'BYLEX', 'LIMIT', 0, limit + 1)
local reply = { redis.call('ZCARD', KEYS[1]), #ids > limit and 1 or 0 }
for i = 1, math.min(#ids, limit) do
  reply[#reply + 1] = ids[i]
  reply[#reply + 1] = redis.call('HGET', KEYS[2], ids[i]) or ''
end
return reply`);

/** The time is the server's own: pods needn't agree about it. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * KEYS pods; ARGV pod, lease in ms, 1 where it is a new one. Gives 1 where the pod has the lease now; 0: it had run out,
 * or was lost with the data, and is not given again.
 */
export const renewScript = new RedisScript(`${NOW}
local until_ms = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[3] ~= '1' and (not until_ms or tonumber(until_ms) <= now) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1`);

/** KEYS pods; ARGV pod, ms from now at which its lease shall run out. */
export const releaseScript = new RedisScript(`${NOW}
return redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])`);

/** KEYS pods; ARGV most pods. Gives the pods whose leases have run out. */
export const expiredScript = new RedisScript(`${NOW}
return redis.call('ZRANGE', KEYS[1], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[1])`);
