import { CloseCode } from '../../protocol/close-codes.js';
import type { HandshakeResponse } from './handshake-response.js';

/** Why a request is not upgraded, with both faces of HS4. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  /** For the client; never a token. */
  readonly message: string;
  /** For the log: names the setting. */
  readonly why: string;
  /** The other face; absent: plain HTTP for everybody. */
  readonly close?: { readonly code: number; readonly reason: string };
  readonly response: HandshakeResponse;
}

/** Says how long to wait before the next try, in seconds. */
const RETRY_AFTER_S = '2';

/** Thrown where a step of the handshake says no. */
export class RefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

/** Puts a refusal together; without `close` it is plain HTTP for everybody. */
export function refusal(
  response: HandshakeResponse,
  status: number,
  code: string,
  message: string,
  why: string,
  close?: Refusal['close'],
): Refusal {
  return { status, code, message, why, response, ...(close ? { close } : {}) };
}

/** HS1. */
export function badRoom(response: HandshakeResponse, why: string): RefusedError {
  const message = 'expected a room name: 1 to 128 of A-Z a-z 0-9 _ . : @ ~ + -, not beginning with @';
  return new RefusedError(
    refusal(response, 400, 'bad_room', message, why, { code: CloseCode.badRoom, reason: 'bad_room' }),
  );
}

/** HS4: 401 ↔ 1008 `unauthenticated`. */
export function unauthenticated(response: HandshakeResponse, message: string): RefusedError {
  if (!response.getHeader('www-authenticate')) response.setHeader('WWW-Authenticate', 'Bearer');
  const close = { code: CloseCode.policyViolation, reason: 'unauthenticated' };
  return new RefusedError(refusal(response, 401, 'unauthenticated', message, message, close));
}

/** HS4: 403 (or another 4xx of a guard) ↔ 1008 `forbidden`. */
export function forbidden(response: HandshakeResponse, message: string, status: number | undefined): RefusedError {
  const close = { code: CloseCode.policyViolation, reason: 'forbidden' };
  const shown = status !== undefined && status >= 400 && status < 500 ? status : 403;
  if (shown === 401) return unauthenticated(response, message);
  return new RefusedError(refusal(response, shown, 'forbidden', message, message, close));
}

/** HS4: 429 ↔ 1013 `limit`. */
export function limited(response: HandshakeResponse, message: string): RefusedError {
  const close = { code: CloseCode.tryAgainLater, reason: 'limit' };
  return new RefusedError(refusal(response, 429, 'limit', message, message, close));
}

/** 503: a part that is needed does not answer. */
export function unavailable(response: HandshakeResponse, why: string): Refusal {
  response.setHeader('Retry-After', RETRY_AFTER_S);
  return refusal(response, 503, 'unavailable', 'not available at the moment: try again', why);
}

/** 503: refusing costs less than accepting. */
export function overloaded(response: HandshakeResponse, code: string, why: string): Refusal {
  response.setHeader('Retry-After', RETRY_AFTER_S);
  return refusal(response, 503, code, 'not available at the moment: try again', why);
}
