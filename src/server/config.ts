import { randomBytes } from 'node:crypto';
import type { RealtimeOptions } from '../index.js';
import { configTable, isSetting, readSettings } from './config-table.js';
import type { Settings } from './config-table.js';
import { likeliest, nearMisses } from './setting-names.js';

export { configTable };

/** To whom `POST /dev/token` gives tokens. */
export type DevTokens = 'off' | 'loopback' | 'everyone';

export interface ServerConfig {
  readonly port: number;
  /** Undefined: every address of the machine. */
  readonly host: string | undefined;
  readonly production: boolean;
  readonly log: { readonly level: LogLevelName; readonly format: 'json' | 'text' };
  readonly devTokens: DevTokens;
  /** What signs the tokens of `POST /dev/token`; undefined where it is off. */
  readonly signing: { readonly secret: string; readonly issuer?: string; readonly audience?: string } | undefined;
  /** Whether the secret was made for this run, because there was no key. */
  readonly secretIsRandom: boolean;
  readonly heartbeatMs: number;
  /** What opens the admin API and the dashboard; none: they are not there. */
  readonly adminKeys: readonly string[];
  /** The largest body of a request. */
  readonly maxBodyBytes: number;
  /** How long leading everybody elsewhere may take after a signal. */
  readonly drainTotalMs: number;
  readonly realtime: RealtimeOptions;
  /** What is allowed and hardly meant, one sentence each. */
  readonly warnings: readonly string[];
}

export type LogLevelName = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'verbose';

/** The settings can't be used; each problem is one sentence. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

const MIN_SECRET_BYTES = 32;
/** What may stand around a payload as large as a frame: the rooms of a broadcast, above all. */
const BODY_AROUND_FRAME_BYTES = 256 * 1024;
const settingNames = configTable.map((row) => row.name);

/**
 * Reads the server's settings from an environment. A setting that is empty counts as not set.
 *
 * @param namesInFile What the `.env` file sets. There every name must be a setting; in the environment, which holds
 *   much that isn't ours, a name that looks like a misspelt setting is only warned about.
 * @throws ConfigError with one sentence for each value that can't be used; secrets are not repeated in it.
 */
export function parseConfig(env: NodeJS.ProcessEnv, namesInFile: readonly string[] = []): ServerConfig {
  const { values, problems: unread } = readSettings(env);
  const unknown = namesInFile.filter((name) => !isSetting(name)).map(unknownName);
  // What settings say to each other can be judged only where each could be read.
  const problems = [...unknown, ...unread, ...(unread.length > 0 ? [] : contradictions(values))];
  if (problems.length > 0) throw new ConfigError(problems);
  const hasKey = canCheckTokens(values);
  const secrets = hasKey ? values.JWT_SECRET : [randomBytes(MIN_SECRET_BYTES).toString('base64url')];
  const devTokens = devTokensOf(values, hasKey);
  return {
    port: values.PORT,
    host: values.HOST,
    production: values.NODE_ENV === 'production',
    log: { level: values.LOG_LEVEL, format: formatOf(values.LOG_FORMAT) },
    devTokens,
    signing: devTokens === 'off' ? undefined : signingOf(values, secrets),
    secretIsRandom: !hasKey,
    heartbeatMs: values.HEARTBEAT_MS,
    adminKeys: values.ADMIN_KEY ?? [],
    maxBodyBytes: values.MAX_FRAME_BYTES + BODY_AROUND_FRAME_BYTES,
    drainTotalMs: values.DRAIN_DELAY_MS + values.DRAIN_MS,
    realtime: realtimeOptions(values, secrets),
    warnings: warningsFor(env, values, namesInFile),
  };
}

function contradictions(values: Settings): string[] {
  const problems: string[] = [];
  const production = values.NODE_ENV === 'production';
  if (!canCheckTokens(values)) {
    const why = production ? 'In production' : values.REDIS_URL === undefined ? undefined : 'With REDIS_URL';
    if (why)
      problems.push(`${why} the server needs a key to check tokens with: set JWT_SECRET, JWT_PUBLIC_KEY or JWKS_URI.`);
  } else if (values.DEV_TOKENS && values.JWT_SECRET === undefined) {
    problems.push('DEV_TOKENS=true needs JWT_SECRET to sign with: a public key can only check tokens.');
  }
  if (production && values.DEV_TOKENS) {
    problems.push('DEV_TOKENS=true gives a token to whoever asks and is refused in production: take it away.');
  }
  if (values.ROOMS_CLAIM !== undefined && values.ALLOW_ANONYMOUS) {
    problems.push('ROOMS_CLAIM lets nobody into a room who has no token: take ALLOW_ANONYMOUS=true away.');
  }
  if (values.JWT_COOKIE !== undefined && !isAllowList(values.ALLOWED_ORIGINS)) {
    problems.push(
      'JWT_COOKIE needs ALLOWED_ORIGINS with the pages by name, since a browser sends cookies from every page.',
    );
  }
  return problems;
}

function canCheckTokens({ JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URI }: Settings): boolean {
  return JWT_SECRET !== undefined || JWT_PUBLIC_KEY !== undefined || JWKS_URI !== undefined;
}

function isAllowList(allowed: readonly string[] | undefined): boolean {
  return allowed !== undefined && !allowed.includes('*');
}

function devTokensOf(values: Settings, hasKey: boolean): DevTokens {
  if (values.DEV_TOKENS !== undefined) return values.DEV_TOKENS ? 'everyone' : 'off';
  return hasKey ? 'off' : 'loopback';
}

function signingOf(values: Settings, secrets: readonly string[] | undefined): ServerConfig['signing'] {
  const secret = secrets?.[0];
  if (secret === undefined) return undefined;
  const [issuer] = values.JWT_ISSUER ?? [];
  const [audience] = values.JWT_AUDIENCE ?? [];
  return { secret, ...(issuer === undefined ? {} : { issuer }), ...(audience === undefined ? {} : { audience }) };
}

function formatOf(format: 'auto' | 'json' | 'text'): 'json' | 'text' {
  if (format !== 'auto') return format;
  return process.stdout.isTTY ? 'text' : 'json';
}

function realtimeOptions(values: Settings, secrets: readonly string[] | undefined): RealtimeOptions {
  return {
    redis: values.REDIS_URL,
    redisPrefix: values.REDIS_PREFIX,
    redisWaitReplicas: values.REDIS_WAIT_REPLICAS,
    auth: {
      // Only where people talk: the small text endpoints have no guard anyway, or always want a token.
      allowAnonymous: values.ALLOW_ANONYMOUS ? ['chat'] : false,
      roomsClaim: values.ROOMS_CLAIM,
      jwt: {
        secret: secrets,
        publicKey: values.JWT_PUBLIC_KEY,
        jwksUri: values.JWKS_URI,
        issuer: values.JWT_ISSUER,
        audience: values.JWT_AUDIENCE,
        cacheSize: values.JWT_CACHE_SIZE,
        cookie: values.JWT_COOKIE,
      },
    },
    handshake: {
      refusal: values.HANDSHAKE_REFUSAL,
      allowedOrigins: values.ALLOWED_ORIGINS,
      trustProxy: values.TRUST_PROXY,
      maxPerSecond: values.MAX_HANDSHAKES_PER_SECOND,
      maxLoopLagMs: values.MAX_LOOP_LAG_MS,
    },
    maxConnections: values.MAX_CONNECTIONS,
    maxConnectionsPerIp: values.MAX_CONNECTIONS_PER_IP,
    maxConnectionsPerUser: values.MAX_CONNECTIONS_PER_USER,
    whenUserIsFull: values.WHEN_USER_IS_FULL,
    maxFrameBytes: values.MAX_FRAME_BYTES,
    maxBufferedBytes: values.MAX_BUFFERED_BYTES,
    maxBufferedTotalBytes: values.MAX_BUFFERED_TOTAL_BYTES,
    heartbeatMs: values.HEARTBEAT_MS,
    messagesPerSecond: values.MESSAGES_PER_SECOND,
    messagesBurst: values.MESSAGES_BURST,
    maxErrorsPerMinute: values.MAX_ERRORS_PER_MINUTE,
    maxRoomsPerConnection: values.MAX_ROOMS_PER_CONNECTION,
    historySize: values.HISTORY_SIZE,
    historyTtlMs: values.HISTORY_TTL_MS,
    dedupeTtlMs: values.DEDUPE_TTL_MS,
    leaveGraceMs: values.LEAVE_GRACE_MS,
    announceUpTo: values.ANNOUNCE_UP_TO,
    drainDelayMs: values.DRAIN_DELAY_MS,
    drainMs: values.DRAIN_MS,
    nativeWrites: values.NATIVE_WRITES,
  };
}

function warningsFor(env: NodeJS.ProcessEnv, values: Settings, namesInFile: readonly string[]): string[] {
  const names = Object.keys(env).filter((name) => env[name] && !isSetting(name) && !namesInFile.includes(name));
  const warnings = nearMisses(names, settingNames).map(
    ({ name, meant }) => `${name} is set and is no setting of this server: did you mean ${meant}?`,
  );
  for (const [index, secret] of (values.JWT_SECRET ?? []).entries()) {
    const bytes = Buffer.byteLength(secret);
    if (bytes >= MIN_SECRET_BYTES) continue;
    warnings.push(
      `JWT_SECRET: secret ${index + 1} has ${bytes} bytes and can be guessed; use ${MIN_SECRET_BYTES} or more: openssl rand -base64 32`,
    );
  }
  if (values.NODE_ENV === 'production' && values.JWKS_URI?.startsWith('http:')) {
    warnings.push('JWKS_URI is not encrypted: whoever is on the way can put in keys of their own; use https.');
  }
  if (values.ALLOWED_ORIGINS?.includes('*') && values.NODE_ENV === 'production') {
    warnings.push('ALLOWED_ORIGINS=* lets every page of the web connect; name the pages that may.');
  }
  return warnings;
}

function unknownName(name: string): string {
  const meant = likeliest(name, settingNames);
  return `.env: ${name} is no setting of this server${meant ? `; did you mean ${meant}?` : ', see .env.example.'}`;
}
