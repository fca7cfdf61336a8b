/*
 * fan-out-write.c - writes one buffer to many sockets in one call.
 *
 * Optional: who did not build it (npm run build:native) is served by socket.write, with the same bytes in the same order.
 * It saves, per member of a room, everything of a write that is not the system call. What it promises, and what a caller
 * must see to: DirectWriter in src/realtime/connection/direct-writer.ts.
 *
 * Node-API 8 alone, so that one binary serves every Node from 20 on. No global state: each worker thread has an instance of
 * its own. Linux and macOS; Windows has no descriptors for sockets.
 */
#define NAPI_VERSION 8
#include <errno.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef MSG_NOSIGNAL
#define SEND_FLAGS (MSG_DONTWAIT | MSG_NOSIGNAL)
#else
#define SEND_FLAGS MSG_DONTWAIT
#endif

/* Throws; the call then returns what it has, and nothing was written. */
static napi_value refuse(napi_env env, napi_status (*kind)(napi_env, const char *, const char *), const char *why) {
  kind(env, NULL, why);
  return NULL;
}

/* Points at the elements of a typed array of this type. False: it is none. */
static bool elements(napi_env env, napi_value value, napi_typedarray_type wanted, void **data, size_t *length) {
  bool is_typed = false;
  napi_typedarray_type type = napi_float64_array; /* Kinds that are newer than Node-API 8 leave it as it is. */
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed) return false;
  if (napi_get_typedarray_info(env, value, &type, length, data, NULL, NULL) != napi_ok) return false;
  return type == wanted;
}

/* Writes to one socket. How many bytes the kernel took, or -errno where it took none. */
static int32_t write_one(int fd, const void *bytes, size_t length) {
  if (fd < 0) return -EBADF;
#if !defined(MSG_NOSIGNAL) && defined(SO_NOSIGPIPE)
  /* An older macOS knows it only as an option of the socket. Node ignores SIGPIPE, unless the application un-ignored it. */
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on) != 0 && (errno == EBADF || errno == ENOTSOCK)) return -errno;
#endif
  ssize_t sent;
  do {
    sent = send(fd, bytes, length, SEND_FLAGS);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : (int32_t)sent;
}

/* write(fds: Int32Array, count: number, bytes: Uint8Array, taken: Int32Array): number */
static napi_value write_to_all(napi_env env, napi_callback_info info) {
  napi_value argv[4];
  size_t argc = 4;
  void *fds, *bytes, *taken;
  size_t fds_length, length, taken_length;
  napi_valuetype type;
  double wanted;
  if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok) return NULL;
  /* Arguments that are not there are undefined. */
  if (!elements(env, argv[0], napi_int32_array, &fds, &fds_length))
    return refuse(env, napi_throw_type_error, "fds: expected an Int32Array of descriptors");
  if (napi_typeof(env, argv[1], &type) != napi_ok || type != napi_number ||
      napi_get_value_double(env, argv[1], &wanted) != napi_ok)
    return refuse(env, napi_throw_type_error, "count: expected a number");
  if (!elements(env, argv[2], napi_uint8_array, &bytes, &length))
    return refuse(env, napi_throw_type_error, "bytes: expected a Uint8Array or a Buffer");
  if (!elements(env, argv[3], napi_int32_array, &taken, &taken_length))
    return refuse(env, napi_throw_type_error, "taken: expected an Int32Array for the results");
  /* Written so that NaN is refused too. */
  if (!(wanted >= 0 && wanted <= (double)fds_length && wanted <= (double)taken_length && wanted == (double)(size_t)wanted))
    return refuse(env, napi_throw_range_error, "count: expected a whole number from 0 to the lengths of fds and of taken");
  if (length > INT32_MAX)
    return refuse(env, napi_throw_range_error, "bytes: expected less than 2 GiB, since taken counts in 32 bits");

  const size_t count = (size_t)wanted;
  uint32_t fell_short = 0;
  for (size_t i = 0; i < count; i += 1) {
    const int32_t result = write_one(((const int32_t *)fds)[i], bytes, length);
    ((int32_t *)taken)[i] = result;
    if (result != (int32_t)length) fell_short += 1;
  }
  napi_value answer = NULL;
  napi_create_uint32(env, fell_short, &answer);
  return answer;
}

NAPI_MODULE_INIT() {
  napi_value function;
  if (napi_create_function(env, "write", NAPI_AUTO_LENGTH, write_to_all, NULL, &function) != napi_ok) return NULL;
  if (napi_set_named_property(env, exports, "write", function) != napi_ok) return NULL;
  return exports;
}
