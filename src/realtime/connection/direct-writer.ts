import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants, devNull } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Writes one buffer to many sockets in one call: native/fan-out-write.c, which `npm run build:native` compiles. */
export interface DirectWriter {
  /**
   * Offers all of `bytes` to each of the first `count` sockets, in their order, and waits for none. It knows nothing of
   * streams, so the caller sees to it that each descriptor is that of an open TCP socket of this process, without TLS,
   * for which the stream holds nothing (`writableLength` is 0): else bytes overtake others, or reach a stranger who got
   * the descriptor of a socket that was closed. What was not taken goes to `socket.write` in the same turn.
   *
   * `taken[i]` becomes how many bytes the kernel took, 0 to all of them; or, where it took none, the negative number of
   * the error (`os.constants.errno`): `-EAGAIN`, the socket's buffer is full; `-EPIPE` or `-ECONNRESET`, the peer is gone;
   * `-EBADF`, no open descriptor; `-ENOTSOCK`, one of something else. One socket's error stops none of the others, and
   * there is never a signal. Elements from `count` on stay as they are.
   *
   * @returns for how many sockets `taken[i]` is not all of `bytes`.
   * @throws TypeError an argument is of another kind; RangeError — `count` is no whole number from 0 to both lengths, or
   *   `bytes` has 2 GiB or more. Nothing was written then.
   */
  write(fds: Int32Array, count: number, bytes: Uint8Array, taken: Int32Array): number;
}

/** Which way of writing there is: the addon, or why it is not there and everything goes by `socket.write`. */
export type DirectWriterFound = { readonly writer: DirectWriter } | { readonly why: string };

/** Three folders up from here is the package, in `src` and in `dist` alike. tools/build-native.mjs writes there. */
const ADDON = `native/build/${process.platform}-${process.arch}/fan-out-write.node`;

/**
 * Loads the addon and sees whether it does what it should. It is an extra: that it was not built, or does not fit this
 * machine, is no error but an answer, in one sentence. Never throws. Each worker thread loads it for itself.
 *
 * @param path of the addon; tests have another one.
 */
export function loadDirectWriter(path?: string): DirectWriterFound {
  try {
    const file = path ?? fileURLToPath(new URL(`../../../${ADDON}`, import.meta.url));
    if (!existsSync(file)) return { why: `${path ?? ADDON} is not there: npm run build:native makes it` };
    const writer = createRequire(import.meta.url)(file) as DirectWriter;
    const fault = selfTest(writer);
    return fault === undefined ? { writer } : { why: `the native writer failed its test: ${fault}` };
  } catch (error) {
    // Another platform, another C library, a file that is no addon, a bundle that has no address of its own.
    return { why: `the native writer can't be loaded: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The two answers that can be had without a socket; the second one shows that the kernel was asked. */
function selfTest(writer: DirectWriter): string | undefined {
  const { EBADF, ENOTSOCK } = constants.errno;
  const file = openSync(devNull, 'r');
  try {
    const taken = new Int32Array(2);
    const short = writer.write(Int32Array.of(-1, file), 2, new Uint8Array(1), taken);
    if (short === 2 && taken[0] === -EBADF && taken[1] === -ENOTSOCK) return undefined;
    return `expected 2, ${-EBADF}, ${-ENOTSOCK}, got ${short}, ${taken.join(', ')}`;
  } finally {
    closeSync(file);
  }
}
