import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { RealtimeWsAdapter } from 'rookery';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.useWebSocketAdapter(new RealtimeWsAdapter(app));
app.enableShutdownHooks();
await app.listen(process.env['PORT'] ?? 3000, '127.0.0.1');
console.log(`listening on ${await app.getUrl()}`);
