import { Body, Controller, Header, HttpCode, Post, UseGuards, ValidationPipe } from '@nestjs/common';
import { DevTokenDto } from './dev-token.dto.js';
import { DevTokenGuard } from './dev-token.guard.js';
import { DevTokenService } from './dev-token.service.js';
import type { DevToken } from './dev-token.service.js';

/** `POST /dev/token {name} → {token, expiresAt}`: lets one try the server without an issuer of tokens. */
@Controller('dev')
@UseGuards(DevTokenGuard)
export class DevTokenController {
  constructor(private readonly tokens: DevTokenService) {}

  @Post('token')
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  issue(@Body(new ValidationPipe({ whitelist: true })) body: DevTokenDto): DevToken {
    return this.tokens.issue(body.name);
  }
}
