import { JwtService } from '@nestjs/jwt';
import type { RealtimeOptions } from 'rookery';
import { startTestServer } from 'rookery/testing';
import type { TestServer } from 'rookery/testing';
import { Archive, ChatGateway } from './chat.gateway.js';

const secret = 'a secret of the tests, long enough for HS256';

/** The gateway on a free port, with an archive that keeps everything and needs no database. */
export function startChat(options: RealtimeOptions = {}): Promise<TestServer> {
  return startTestServer({
    gateways: [ChatGateway],
    providers: [{ provide: Archive, useValue: { keep: async () => undefined } }],
    options: { auth: { jwt: { secret } }, ...options },
  });
}

/** A token as your sign-in makes it. */
export function tokenOf(name: string, expiresIn: number = 3_600): Promise<string> {
  return new JwtService({ secret }).signAsync({ sub: name, name }, { expiresIn });
}
