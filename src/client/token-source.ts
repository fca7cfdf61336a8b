/** A token, or what fetches one. `undefined`: connect without. */
export type Token = string | (() => string | undefined | Promise<string | undefined>);

/** Hands out a token for each attempt; a function is asked afresh, but never while its last call is in flight. */
export class TokenSource {
  #pending: Promise<string | undefined> | undefined;

  constructor(private readonly token: Token | undefined) {}

  /** Says whether another token than the refused one can be had. */
  get canRefresh(): boolean {
    return typeof this.token === 'function';
  }

  /** Rejects with whatever the function threw. */
  take(): Promise<string | undefined> {
    const { token } = this;
    if (typeof token !== 'function') return Promise.resolve(token);
    if (this.#pending) return this.#pending;
    const pending = (async () => token())().finally(() => {
      if (this.#pending === pending) this.#pending = undefined;
    });
    this.#pending = pending;
    return pending;
  }

  /** Whoever asks next gets an answer of their own: the user may be another one. */
  forget(): void {
    this.#pending = undefined;
  }
}
