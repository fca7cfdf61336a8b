import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** A handshake that was refused by an HTTP status (HS4). */
export interface Refusal {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Thrown where a client wanted to connect and was refused by an HTTP status. */
export class HandshakeRefusedError extends Error {
  constructor(readonly refusal: Refusal) {
    super(`expected the upgrade; the server answered ${refusal.status}: ${refusal.body.slice(0, 300)}`);
    this.name = 'HandshakeRefusedError';
  }
}

/** Reads the whole of a refusal. */
export async function readRefusal(response: IncomingMessage): Promise<Refusal> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() };
}
