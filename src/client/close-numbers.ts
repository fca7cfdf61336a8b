import type { CloseCode } from '../protocol/index.js';

// The compiler holds these to the protocol's table. Importing the whole table of names would cost a page 180 bytes.
export const NORMAL: typeof CloseCode.normal = 1000;
export const ABNORMAL: typeof CloseCode.abnormal = 1006;
export const HEARTBEAT_TIMEOUT: typeof CloseCode.heartbeatTimeout = 4000;
