import { IsNotEmpty, IsString } from 'class-validator';

/** What a chat message says. Its length is bounded by the frame's (CL6). */
export class ChatMessageDto {
  @IsString()
  @IsNotEmpty()
  readonly text!: string;
}
