import { IsString, Matches, MaxLength } from 'class-validator';

/** Who wants a token for development. */
export class DevTokenDto {
  @IsString({ message: 'expected {"name": "…"}: name must be a string' })
  @MaxLength(64, { message: 'name must have 64 characters or fewer' })
  @Matches(/\S/, { message: 'name must not be blank' })
  @Matches(/^\P{Cc}*$/u, { message: 'name must not contain control characters' })
  readonly name!: string;
}
