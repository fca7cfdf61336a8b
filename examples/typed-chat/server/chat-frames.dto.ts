import { IsInt, IsOptional, IsString, Length, Min } from 'class-validator';
import type { Message, Reaction } from '../shared/frames.js';

// A class that lacks a field of its payload, or has another type for it, does not compile.

export class MessageDto implements Message {
  @IsString()
  @Length(1, 2_000)
  readonly text!: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  readonly replyTo?: number;
}

export class ReactionDto implements Reaction {
  @IsInt()
  @Min(1)
  readonly to!: number;

  @IsString()
  @Length(1, 8)
  readonly emoji!: string;
}
