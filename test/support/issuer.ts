import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT } from 'jose';

/** A pair of keys as an issuer has it. */
export interface IssuerKey {
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** What is published. */
  readonly jwk: Readonly<Record<string, unknown>>;
}

/** Makes a pair of keys that sign by an algorithm. `more` goes into what is published. */
export function keyFor(algorithm: string, more: Readonly<Record<string, unknown>> = {}): IssuerKey {
  const { publicKey, privateKey } = pairFor(algorithm);
  const kid = randomUUID();
  return { kid, publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', ...more } };
}

/** Signs a token for an hour. `kid: null` leaves the key's id out. */
export async function sign(
  key: IssuerKey,
  algorithm: string,
  claims: Readonly<Record<string, unknown>>,
  kid: string | null = key.kid,
): Promise<string> {
  const body = { exp: Math.floor(Date.now() / 1000) + 3_600, ...claims };
  return new SignJWT(body)
    .setProtectedHeader({ alg: algorithm, ...(kid === null ? {} : { kid }) })
    .sign(key.privateKey);
}

/** An issuer of tokens that publishes its keys over HTTP, and can be away in several ways. */
export class Issuer {
  /** What is published. */
  keys: IssuerKey[] = [];
  /** Requests so far. */
  requests = 0;
  /** How a request is answered. Default: with the keys. */
  answer: (response: ServerResponse) => void = (response) => this.publish(response);

  private constructor(private readonly server: Server) {
    server.on('request', (_request, response: ServerResponse) => {
      this.requests += 1;
      this.answer(response);
    });
  }

  static async start(...keys: IssuerKey[]): Promise<Issuer> {
    const server = createServer();
    const issuer = new Issuer(server);
    issuer.keys = keys;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  get uri(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/keys`;
  }

  publish(response: ServerResponse): void {
    response.setHeader('content-type', 'application/jwk-set+json');
    response.end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
  }

  /** From now on every request fails. */
  goAway(): void {
    this.answer = (response) => response.socket?.destroy();
  }

  comeBack(): void {
    this.answer = (response) => this.publish(response);
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

function pairFor(algorithm: string): { publicKey: KeyObject; privateKey: KeyObject } {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  if (algorithm.startsWith('Ed')) return generateKeyPairSync('ed25519');
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}
