import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsDefined,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { MAX_KEY_LENGTH } from '../rooms/room-kind.js';

/** A room's address is at most as long as its two names and the slash. */
const MAX_ADDRESS_LENGTH = 193;
const MAX_ID_LENGTH = 128;
const MAX_TYPE_LENGTH = 128;
/** Rooms of one broadcast. */
const MAX_ROOMS = 1_000;
/** A hundred years: whoever wants a ban without an end. */
const MAX_BAN_MS = 3_155_760_000_000;

/** In whose name a frame is published. */
export class SenderBody {
  @Length(1, MAX_ID_LENGTH)
  readonly id!: string;

  @Length(1, 64)
  readonly name!: string;
}

/** What is published. */
class FrameBody {
  @Length(1, MAX_TYPE_LENGTH)
  readonly type!: string;

  @IsDefined()
  readonly payload: unknown;

  @IsOptional()
  @Length(1, 64)
  readonly id?: string;

  @IsOptional()
  @IsBoolean()
  readonly store?: boolean;

  /** Of what it is the newest, in a room of kind `latest`. */
  @IsOptional()
  @Length(1, MAX_KEY_LENGTH)
  readonly key?: string;

  @IsOptional()
  @ValidateNested()
  @Type(() => SenderBody)
  readonly as?: SenderBody;
}

/** One of `room`, `user` and `namespace` says to whom. */
export class PublishBody extends FrameBody {
  @IsOptional()
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room?: string;

  @IsOptional()
  @Length(1, MAX_ID_LENGTH)
  readonly user?: string;

  @IsOptional()
  @Length(1, 64)
  readonly namespace?: string;

  @IsOptional()
  @Length(1, 64)
  readonly except?: string;
}

export class BroadcastBody extends FrameBody {
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MAX_ROOMS)
  @ArrayUnique()
  @IsString({ each: true })
  @Length(1, MAX_ADDRESS_LENGTH, { each: true })
  readonly rooms!: string[];
}

export class RoomBody {
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room!: string;
}

export class DisconnectBody {
  @Length(1, MAX_ID_LENGTH)
  readonly user!: string;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(MAX_BAN_MS)
  readonly forMs?: number;
}

export class KickBody extends DisconnectBody {
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room!: string;
}

export class UnbanBody {
  @Length(1, MAX_ID_LENGTH)
  readonly user!: string;

  @IsOptional()
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room?: string;
}

export class RoomQuery {
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room!: string;
}

/** A part of a list: the entries after one of them. */
export class PageQuery {
  @IsOptional()
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly after?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(1_000)
  readonly limit?: number;

  @IsOptional()
  @Length(1, 64)
  readonly namespace?: string;
}

export class ConnectionsQuery extends PageQuery {
  @IsOptional()
  @Length(1, MAX_ADDRESS_LENGTH)
  readonly room?: string;

  @IsOptional()
  @Length(1, MAX_ID_LENGTH)
  readonly user?: string;
}

export class PresenceQuery extends RoomQuery {
  @IsOptional()
  @Length(1, MAX_ID_LENGTH)
  readonly after?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit?: number;
}

export class HistoryQuery extends RoomQuery {
  @IsOptional()
  @Length(1, 64)
  readonly since?: string;

  @IsOptional()
  @Length(1, 64)
  readonly before?: string;

  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(100)
  readonly limit?: number;
}
