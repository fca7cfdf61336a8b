import type { Broker } from './broker/broker.js';
import type { Presence } from './presence/presence.js';
import type { Bans } from './bans/bans.js';
import type { Seats } from './seats/seats.js';
import type { TrustProxy } from './gateway/proxy-trust.js';
import type { Clock } from './clock.js';
import type { Claims } from './auth/identity.js';

/** How tokens are checked. At least one of `secret`, `publicKey` and `jwksUri`. */
export interface JwtOptions {
  /** HMAC secrets. The first one that verifies wins, so that a new one can stand beside the old for a while. */
  readonly secret?: string | readonly string[];
  /** PEM of RSA, RSA-PSS or EC public keys. */
  readonly publicKey?: string | readonly string[];
  /**
   * URL, http or https, of the issuer's JSON Web Key Set. Fetched at the start, every ten minutes, and at most every 10 s
   * where a token names an unknown key. While it does not answer the keys that came last stay good; a token whose key
   * is not among them is answered 503. Redirects are not followed.
   */
  readonly jwksUri?: string;
  /**
   * Algorithms that are accepted. Default: HS256, HS384, HS512 with secrets; RS256, RS384, RS512, PS256, PS384, PS512,
   * ES256, ES384, ES512 with public keys; these and EdDSA, Ed25519 with `jwksUri`, where a key's own `alg` narrows them.
   * `none` is never accepted, nor an HMAC over a public key.
   */
  readonly algorithms?: readonly string[];
  /** Expected `iss`. Default: any. */
  readonly issuer?: string | readonly string[];
  /** Expected `aud`. Default: any. */
  readonly audience?: string | readonly string[];
  /** How far clocks may differ when `exp` and `nbf` are checked. Default 5,000 ms. */
  readonly clockToleranceMs?: number;
  /** Whether a token without `exp` is refused. Default `true`. */
  readonly requireExpiry?: boolean;
  /**
   * Valid tokens that are remembered, by their hash, until they expire, so that they need not be checked again. Bans and
   * room policies are asked all the same. Default 10,000. 0: each token is checked each time.
   */
  readonly cacheSize?: number;
  /** Name of a cookie that may carry the token (HS2). Default: none. Requires `handshake.allowedOrigins`. */
  readonly cookie?: string;
}

export interface AuthOptions {
  readonly jwt?: JwtOptions;
  /**
   * Whether a connection without a token is let in as an identity of its own (HS9): everywhere, or in these
   * namespaces. Default `false`. A token that is there and invalid is refused all the same.
   */
  readonly allowAnonymous?: boolean | readonly string[];
  /**
   * Name of a claim that lists the rooms an identity may join and publish into, `*` for any characters: see
   * `ClaimRoomPolicy`. Default: none; whoever is let in may into every room, unless a `RoomPolicy` is provided.
   */
  readonly roomsClaim?: string;
  /** Makes the identity of a connection out of what the guards proved. Default: `sub`, and `name` (HS9). */
  readonly identity?: (claims: Claims) => { id: string; name?: string; expiresAt?: number };
}

export interface HandshakeOptions {
  /** Which face a refusal has (HS4). Default `auto`. */
  readonly refusal?: 'auto' | 'close' | 'http';
  /**
   * Origins that browsers may come from, as `https://host[:port]`; `*`: any. Default: the same host, and outside
   * production loopback too (HS8).
   */
  readonly allowedOrigins?: readonly string[];
  /**
   * The proxies whose `X-Forwarded-For` and `X-Forwarded-Host` are believed: `true`, the peer; a number, so many hops;
   * or addresses and networks such as `loopback, 10.0.0.0/8`. Default `false`: none.
   */
  readonly trustProxy?: TrustProxy;
  /** How long the guards of one handshake may take together. Default 5,000 ms. 0: for ever. */
  readonly guardTimeoutMs?: number;
  /** Whether guards for the whole application (APP_GUARD, `useGlobalGuards`) run at the handshake too. Default `false`. */
  readonly globalGuards?: boolean;
  /** Handshakes that may be under way at once; more are answered 503. Default 1,000. 0: no limit. */
  readonly maxPending?: number;
  /** Handshakes that are begun per second; more are answered 503. Default 0: no limit. */
  readonly maxPerSecond?: number;
  /** Event loop delay, in ms, above which handshakes are answered 503; who is in goes on. Default 1,000. 0: no limit. */
  readonly maxLoopLagMs?: number;
}

/** What `RealtimeModule.forRoot()` takes. Durations are in milliseconds, sizes in bytes; 0 switches a limit off. */
export interface RealtimeOptions {
  /** Redis ≥ 7.0 or Valkey: a URL, ioredis options, or a factory of a client. Default: memory, one process. */
  readonly redis?: string | object | (() => unknown);
  /** Begins the name of every key and channel. `[A-Za-z0-9:_-]*`. Default `rookery:`. */
  readonly redisPrefix?: string;
  /**
   * Replicas of Redis that must have a stored frame before it is acknowledged: a failover then loses fewer acknowledged
   * frames. With fewer within a second it is answered `unavailable`, though it is stored and delivered; the same id
   * sent again is not stored twice, and acknowledged once they have it. Meanwhile the pod's other commands wait. Not on
   * a cluster. Default 0.
   */
  readonly redisWaitReplicas?: number;
  readonly auth?: AuthOptions;
  readonly handshake?: HandshakeOptions;
  /** Largest frame of a client, also after decompression (CL6). Default 65,536. Can't be 0. */
  readonly maxFrameBytes?: number;
  /** Bytes queued for one slow reader before it is closed (CN2). Default 1 MiB. 0: no limit. */
  readonly maxBufferedBytes?: number;
  /** Bytes queued for all readers of this pod together (CN2). Default: a quarter of the heap limit. 0: no limit. */
  readonly maxBufferedTotalBytes?: number;
  /** Between two pings (CN1). Default 25,000, at least 100: answers to more would pass the bound of CL7. 0: no heartbeat. */
  readonly heartbeatMs?: number;
  /** Frames of one connection per second (CL7). Default 50. 0: no limit, and no limit for bursts either. */
  readonly messagesPerSecond?: number;
  /** Frames of one connection at once (CL7). Default 100. 0: no limit, and none for the rate either. */
  readonly messagesBurst?: number;
  /** Faulty frames of one connection within 60 s (CL5). Default 60. 0: no limit. */
  readonly maxErrorsPerMinute?: number;
  /** Rooms of one connection. Default 100. 0: no limit. */
  readonly maxRoomsPerConnection?: number;
  /** Connections of this pod; more are answered 503. Default 0: no limit. */
  readonly maxConnections?: number;
  /** Connections of one address on this pod; see `handshake.trustProxy`. Default 0: no limit. */
  readonly maxConnectionsPerIp?: number;
  /** Connections of one user over all pods. Anonymous ones don't count. Default 0: no limit. */
  readonly maxConnectionsPerUser?: number;
  /** Who yields where a user has too many: the newcomer (`reject`, default) or the oldest (`replace`, closed with 4502). */
  readonly whenUserIsFull?: 'reject' | 'replace';
  /** Frames kept per room. Default 1,000. 0: no limit but the time. */
  readonly historySize?: number;
  /** How long a room's frames are kept after its last one. Default 86,400,000 (a day). 0: no limit. */
  readonly historyTtlMs?: number;
  /**
   * Namespaces whose rooms are of kind `latest` (OR4), for a process that publishes there and does not have their
   * gateways: a worker. Default: none beside those of its gateways with `roomKind: 'latest'`.
   */
  readonly latestNamespaces?: readonly string[];
  /** How long a frame's id is remembered (CL2). Default 300,000. Can't be 0. */
  readonly dedupeTtlMs?: number;
  /** How long a lost connection may stay away before its user has left (CN3). Default 2,000. */
  readonly leaveGraceMs?: number;
  /** Rooms above this many users announce nobody (CN3). Default 100. 0: no limit. */
  readonly announceUpTo?: number;
  /**
   * After a signal: how long the pod goes on, refusing newcomers, until it is known everywhere that it is not ready (CN4).
   * Default 5,000. 0: not at all.
   */
  readonly drainDelayMs?: number;
  /** After that: over how long its connections are closed. Default 15,000. 0: all at once. */
  readonly drainMs?: number;
  /** How often every subscribed room is compared with the broker (RC4). Default 10,000. 0: never. */
  readonly positionCheckMs?: number;
  /** How long a room without members stays subscribed. Default 5,000. */
  readonly unsubscribeDelayMs?: number;
  /** How long subscribing and recovering may take (CN5). Default 5,000. */
  readonly joinTimeoutMs?: number;
  /** `permessage-deflate`. Default `false`: it costs memory per connection and CPU per member. */
  readonly compression?: boolean;
  /**
   * Whether one call writes a frame to all of a room's members, by the addon that `npm run build:native` compiles.
   * `auto`, default: where it was built and works, else by `socket.write`, which is the same on the wire. `off`: never.
   */
  readonly nativeWrites?: 'auto' | 'off';
  /** Metrics for Prometheus: a `Registry` of prom-client, or `true` for its default one. Default `false`. */
  readonly metrics?: boolean | object;
  /** Parts of your own in place of those that `redis` chooses; also what tests put in. */
  readonly broker?: Broker;
  readonly presence?: Presence;
  readonly bans?: Bans;
  readonly seats?: Seats;
  readonly clock?: Clock;
}

/** Those that are one value each. */
export type FlatOptions = Required<
  Omit<RealtimeOptions, 'redis' | 'auth' | 'handshake' | 'metrics' | 'broker' | 'presence' | 'bans' | 'seats' | 'clock'>
>;

/** The options with every default in its place. */
export interface ResolvedOptions extends FlatOptions {
  readonly redis: RealtimeOptions['redis'];
  readonly metrics: boolean | object;
  readonly auth: AuthOptions;
  readonly handshake: Required<Omit<HandshakeOptions, 'allowedOrigins'>> & { allowedOrigins?: readonly string[] };
  readonly broker: Broker | undefined;
  readonly presence: Presence | undefined;
  readonly bans: Bans | undefined;
  readonly seats: Seats | undefined;
  readonly clock: Clock | undefined;
}
