import { Module } from '@nestjs/common';
import { RealtimeModule } from 'rookery';
import { ChatGateway } from './chat.gateway.js';

@Module({
  imports: [
    RealtimeModule.forRootAsync({
      useFactory: () => ({
        redis: process.env['REDIS_URL'] || undefined,
        auth: { jwt: { secret: process.env['JWT_SECRET'] ?? '' } },
      }),
    }),
  ],
  providers: [ChatGateway],
})
export class AppModule {}
