import { createLocalJWKSet, errors, jwtVerify } from 'jose';
import type { CryptoKey, JWTPayload, JWTVerifyGetKey, JWTVerifyOptions } from 'jose';
import type { Clock, Timer } from '../clock.js';
import { FrameError, RealtimeConfigError } from '../realtime.errors.js';
import type { RealtimeEvents } from '../realtime.events.js';

export interface RemoteKeysParts {
  /** Where the JSON Web Key Set is. */
  readonly uri: string;
  readonly clock: Clock;
  /** Who is told that keys came or did not come. */
  readonly events?: RealtimeEvents | undefined;
}

/** How old keys become before they are fetched anew: a key that was withdrawn is accepted for no longer, unless the issuer is away. */
const REFRESH_MS = 600_000;
/** How soon a fetch that failed is tried again without anybody asking. */
const RETRY_MS = 10_000;
/** How soon after a fetch an unknown key may cause another one: whoever makes up key ids can't make us ask faster. */
const COOLDOWN_MS = 10_000;
/** The same after a fetch that failed; what a refused client is told to wait. */
const FAILURE_PAUSE_MS = 2_000;
/** Less than guards may take together, so that what is told is the reason. */
const FETCH_TIMEOUT_MS = 3_000;
const MAX_DOCUMENT_BYTES = 1_048_576;

/**
 * Checks tokens by the keys that an issuer publishes as a JSON Web Key Set. They are fetched at the start, every ten
 * minutes, and when a token names a key that is not among them; whoever asks meanwhile waits for the same fetch. While
 * the issuer is away the keys that came last stay good.
 *
 * jose chooses the key (`kid`, `kty`, `alg`, `use`, `key_ops`, public ones only) and verifies. Its own remote set drops
 * its keys when they can't be renewed, and asks an issuer that is away once for each token: hence this class.
 */
export class RemoteKeys {
  private readonly url: URL;
  private readonly closing = new AbortController();
  /** Counts the sets that came: what was checked by an earlier one may be signed by a key that was withdrawn since. */
  generation = 0;
  private keys: ReturnType<typeof createLocalJWKSet> | undefined;
  private fetching: Promise<void> | undefined;
  private fetchedAt = -Infinity;
  private failed = false;
  private next: Timer | undefined;

  /** @throws RealtimeConfigError bad_config — the URI is none that keys can be fetched from. */
  constructor(private readonly parts: RemoteKeysParts) {
    this.url = urlOf(parts.uri);
  }

  /** Fetches the keys, so that the first token needn't wait. Whether they come is told as an event. */
  start(): void {
    this.fetch().catch(() => undefined); // Told as `keysFetchFailed`, and tried again.
  }

  /** Ends what is under way. From then on nothing is fetched. */
  close(): void {
    this.closing.abort();
    this.next?.cancel();
  }

  /**
   * Verifies a token's signature and claims.
   *
   * @throws FrameError unavailable — its key is not known, and the issuer can't be asked now.
   * @throws Error of jose — it is not valid.
   */
  async verify(token: string, options: JWTVerifyOptions): Promise<JWTPayload> {
    try {
      return (await jwtVerify(token, this.keyOf, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      return verifyByOneOf(error, token, options);
    }
  }

  private readonly keyOf: JWTVerifyGetKey = async (header, token): Promise<CryptoKey> => {
    if (!this.keys) await this.fetchIfDue();
    try {
      return await this.present()(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
    }
    await this.fetchIfDue();
    return this.present()(header, token);
  };

  /** @throws FrameError unavailable — they never came. */
  private present(): ReturnType<typeof createLocalJWKSet> {
    if (!this.keys) throw unavailable();
    return this.keys;
  }

  /** @throws FrameError unavailable — the last fetch failed, and so does the next one, or it is too early for it. */
  private async fetchIfDue(): Promise<void> {
    const pauseMs = this.failed ? FAILURE_PAUSE_MS : COOLDOWN_MS;
    const due = this.parts.clock.now() - this.fetchedAt >= pauseMs;
    if (this.fetching || due) return this.fetch();
    if (this.failed) throw unavailable();
  }

  private fetch(): Promise<void> {
    this.fetching ??= this.fetchOnce().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async fetchOnce(): Promise<void> {
    const { clock, events } = this.parts;
    this.next?.cancel();
    try {
      const set = await this.download();
      this.keys = createLocalJWKSet(set);
      this.generation += 1;
      this.failed = false;
      events?.emit('keysFetched', { keys: set.keys.length });
    } catch (error) {
      this.failed = true;
      if (!this.closing.signal.aborted) {
        events?.emit('keysFetchFailed', {
          uri: this.url.origin + this.url.pathname,
          why: whyOf(error),
          kept: !!this.keys,
        });
      }
      throw unavailable();
    } finally {
      this.fetchedAt = clock.now();
      if (!this.closing.signal.aborted)
        this.next = clock.after(this.failed ? RETRY_MS : REFRESH_MS, () => this.start());
    }
  }

  private async download(): Promise<Parameters<typeof createLocalJWKSet>[0]> {
    const late = new AbortController();
    const timer = this.parts.clock.after(FETCH_TIMEOUT_MS, () =>
      late.abort(new Error(`no answer within ${FETCH_TIMEOUT_MS} ms`)),
    );
    try {
      const response = await fetch(this.url, {
        headers: { accept: 'application/jwk-set+json, application/json' },
        redirect: 'error', // The keys come from where the setting says, and from nowhere that it leads to.
        signal: AbortSignal.any([late.signal, this.closing.signal]),
      });
      if (response.status !== 200) throw new Error(`status ${response.status}`);
      return JSON.parse(await textOf(response)) as Parameters<typeof createLocalJWKSet>[0]; // createLocalJWKSet checks it.
    } finally {
      timer.cancel();
    }
  }
}

/** A token without a `kid`, where several keys fit. */
async function verifyByOneOf(
  keys: InstanceType<typeof errors.JWKSMultipleMatchingKeys>,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of keys) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
    }
  }
  throw new errors.JWSSignatureVerificationFailed();
}

function urlOf(uri: string): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  // What was given is not repeated: a password in it would be shown.
  if (!url || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
    throw new RealtimeConfigError(
      'auth.jwt.jwksUri: expected the URL of a JSON Web Key Set, http or https, without user and password',
    );
  }
  return url;
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_DOCUMENT_BYTES) throw new Error(`more than ${MAX_DOCUMENT_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Says why in words for the log. Of a network error the cause has the words. */
function whyOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  const words = cause?.code ?? cause?.message ?? (error instanceof Error ? error.message : error);
  return String(words);
}

function unavailable(): FrameError {
  return new FrameError(
    'unavailable',
    'the keys to check the token with can not be fetched at the moment: try again',
    FAILURE_PAUSE_MS,
  );
}
