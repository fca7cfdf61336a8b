/*
 * loadgen.c - WebSocket room broadcast load generator.
 *
 * One thread, epoll (edge triggered), non-blocking, no dependencies.
 *   cc -O2 -Wall -o loadgen loadgen.c
 * Run with -h for the options. All traffic is meant for 127.0.0.1.
 *
 * Every run is bounded: --max-secs arms alarm(2), every phase has its own deadline.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

/* RFC 6455 sample nonce: the expected accept value is a constant. */
#define WS_KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define WS_ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum { ST_NEW, ST_CONNECTING, ST_HTTP, ST_SIO_OPEN, ST_SIO_ACK, ST_HELLO, ST_UP, ST_DEAD };
enum { M_MAX, M_RATE, M_CONNECT, M_STORM };

typedef struct {
  int fd;
  uint8_t st, port_i, want_out, stalled;
  int32_t pub;              /* global publisher index, or -1 */
  uint32_t room, member;
  uint64_t t0;
  char *carry; uint32_t carry_len, carry_cap;
  char *out; uint32_t out_off, out_len, out_cap;
} conn_t;

typedef struct {
  uint32_t conn, room;
  uint32_t sent, own;       /* messages sent, own echoes seen */
  uint64_t recv;            /* deliveries seen over all members */
  uint8_t dirty;
} pub_t;

typedef struct { uint32_t last; uint64_t win; } sq_t;   /* win bit i: seq last-i seen */

/* ---------- options ---------- */
static const char *o_host = "127.0.0.1", *o_path = "/ws/chat/r%r", *o_query = NULL, *o_tmpl = NULL;
static const char *o_mode = "fanout-max", *o_hello = NULL, *o_hello_ack = NULL, *o_ack = "own", *o_pubpos = "spread";
static const char *o_label = "", *o_subproto = NULL, *o_tokfile = NULL;
static const char *o_headers[16]; static int o_nheaders;
static int o_ports[16], o_nports;
static int o_conns = 100, o_rooms = 1, o_pubs = 1, o_window = 1, o_k = 128, o_textlen = 64, o_src = 0, o_srcbase = 2;
static double o_warm = 2, o_dur = 5, o_drain = 5, o_hold = 5, o_settle = 0.5, o_ctimeout = 60;
static double o_rate = 100;
static int o_maxsecs = 180, o_sio = 0, o_spin = 1, o_gap_us = -1, o_rounds = 1, o_rst = 0, o_rcvbuf = 0, o_quiet = 0, o_sendone = 0, o_quickack = -1, o_stall = 0, o_stallbuf = 0, o_stallmss = 0;
static int o_pids[16], o_npids;

static int mode;
static int ep;
static conn_t *C;
static pub_t *P; static int nP;
static uint32_t *roomsz;
static sq_t *SQ;
static char **toks; static int ntoks;

/* ---------- counters ---------- */
static uint64_t n_up, n_inflight, n_next, n_fail, n_disc, n_recv_calls, n_bytes, n_frames, n_other, n_dup, n_reord, n_gap, n_misroute,
    n_uniq, n_ping, n_bad, n_polls, n_events, busy_ns, n_frag, n_badaccept;
static uint64_t n_local, n_remote;
static int last_http = 0; static char last_err[160];
static int storming;
static uint32_t rng = 0x9e3779b9u;

/* ---------- time / histogram ---------- */
static inline uint64_t now_ns(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return (uint64_t)t.tv_sec * 1000000000ull + t.tv_nsec; }
#define HSUB 64
typedef struct { uint64_t b[64 * HSUB]; uint64_t n, max, sum; } hist_t;
static hist_t h_all, h_loc, h_rem, h_hs;
static inline void h_add(hist_t *h, uint64_t v) {
  int idx;
  if (v < HSUB) idx = (int)v;
  else { int e = 63 - __builtin_clzll(v); idx = (e - 5) * HSUB + (int)((v >> (e - 6)) & (HSUB - 1)); }
  h->b[idx]++; h->n++; h->sum += v; if (v > h->max) h->max = v;
}
static double h_pct(hist_t *h, double p) {          /* microseconds, upper edge of the bucket */
  if (!h->n) return -1;
  uint64_t want = (uint64_t)(p / 100.0 * (double)h->n + 0.5), acc = 0; if (want < 1) want = 1;
  for (int i = 0; i < 64 * HSUB; i++) {
    acc += h->b[i];
    if (acc >= want) {
      uint64_t v;
      if (i < HSUB) v = i; else { int e = i / HSUB + 5; v = ((uint64_t)(HSUB + (i % HSUB)) + 1) << (e - 6); }
      if (v > h->max) v = h->max;
      return v / 1000.0;
    }
  }
  return h->max / 1000.0;
}
static void h_print(FILE *f, const char *name, hist_t *h) {
  fprintf(f, "\"%s\":{\"n\":%llu,\"mean\":%.1f,\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}", name, (unsigned long long)h->n,
          h->n ? h->sum / 1000.0 / h->n : -1, h_pct(h, 50), h_pct(h, 90), h_pct(h, 99), h_pct(h, 99.9), h->n ? h->max / 1000.0 : -1);
}

static void die(const char *fmt, ...) { va_list a; va_start(a, fmt); fprintf(stderr, "loadgen: "); vfprintf(stderr, fmt, a); fputc('\n', stderr); va_end(a); exit(2); }

/* ---------- server CPU and RSS ---------- */
static void proc_cpu(double *u, double *s) {
  *u = *s = 0;
  for (int i = 0; i < o_npids; i++) {
    char p[64], b[1024]; snprintf(p, sizeof p, "/proc/%d/stat", o_pids[i]);
    int fd = open(p, O_RDONLY); if (fd < 0) continue;
    int n = read(fd, b, sizeof b - 1); close(fd); if (n <= 0) continue; b[n] = 0;
    char *q = strrchr(b, ')'); unsigned long ut = 0, st = 0;
    if (q && sscanf(q + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st) == 2) { double hz = sysconf(_SC_CLK_TCK); *u += ut / hz; *s += st / hz; }
  }
}
/* steal ticks of all CPUs: time the hypervisor took away */
static double steal_s(void) {
  unsigned long v[8] = {0}; FILE *f = fopen("/proc/stat", "r"); if (!f) return 0;
  if (fscanf(f, "cpu %lu %lu %lu %lu %lu %lu %lu %lu", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, v + 7) != 8) v[7] = 0;
  fclose(f); return v[7] / (double)sysconf(_SC_CLK_TCK);
}
/* Seconds that the servers' main threads (or ours) were runnable but had to wait for a CPU, less the CPU time that the
   server's own other threads (GC, JIT) used on the same core: what is left was taken by other work on the machine. */
static double wait_of(const char *path, double *run) { double a = 0, b = 0; FILE *f = fopen(path, "r"); if (f) { if (fscanf(f, "%lf %lf", &a, &b) != 2) a = b = 0; fclose(f); } if (run) *run += a / 1e9; return b / 1e9; }
static double proc_wait(void) {
  double t = 0, run = 0, u, s;
  for (int i = 0; i < o_npids; i++) { char p[64]; snprintf(p, sizeof p, "/proc/%d/schedstat", o_pids[i]); t += wait_of(p, &run); }
  proc_cpu(&u, &s); return t - (u + s - run);
}
static long proc_rss_kb(void) {
  long t = 0;
  for (int i = 0; i < o_npids; i++) {
    char p[64]; long a, r; snprintf(p, sizeof p, "/proc/%d/statm", o_pids[i]);
    FILE *f = fopen(p, "r"); if (!f) continue;
    if (fscanf(f, "%ld %ld", &a, &r) == 2) t += r * (sysconf(_SC_PAGESIZE) / 1024);
    fclose(f);
  }
  return t;
}

/* ---------- output side ---------- */
static void conn_dead(conn_t *c, int unexpected);
static void out_flush(conn_t *c) {
  while (c->out_off < c->out_len) {
    ssize_t n = send(c->fd, c->out + c->out_off, c->out_len - c->out_off, MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) { c->want_out = 1; return; }   /* EPOLLOUT edge resumes */
      conn_dead(c, 1); return;
    }
    c->out_off += n;
  }
  c->out_off = c->out_len = 0; c->want_out = 0;
}
static char *out_room(conn_t *c, uint32_t need) {
  if (c->out_len + need > c->out_cap) {
    uint32_t nc = c->out_cap ? c->out_cap : 512; while (nc < c->out_len + need) nc *= 2;
    c->out = realloc(c->out, nc); if (!c->out) die("oom"); c->out_cap = nc;
  }
  return c->out + c->out_len;
}
static inline uint32_t rnd(void) { rng ^= rng << 13; rng ^= rng >> 17; rng ^= rng << 5; return rng; }
static void queue_frame(conn_t *c, int op, const char *pl, uint32_t n) {       /* client frames are masked */
  unsigned char *o = (unsigned char *)out_room(c, n + 14); int h = 2;
  o[0] = 0x80 | op;
  if (n < 126) o[1] = 0x80 | n;
  else if (n < 65536) { o[1] = 0x80 | 126; o[2] = n >> 8; o[3] = n; h = 4; }
  else { o[1] = 0x80 | 127; memset(o + 2, 0, 4); o[6] = n >> 24; o[7] = n >> 16; o[8] = n >> 8; o[9] = n; h = 10; }
  uint32_t m = rnd(); unsigned char *k = o + h; memcpy(k, &m, 4); h += 4;
  for (uint32_t i = 0; i < n; i++) o[h + i] = (unsigned char)pl[i] ^ k[i & 3];
  c->out_len += h + n;
}

static char *put_u64(char *p, uint64_t v) { char t[24]; int n = 0; do t[n++] = '0' + v % 10; while (v /= 10); while (n) *p++ = t[--n]; return p; }
/* expands %r room, %i connection, %T token, %s seq, %t ns, %p publisher, %m marker block padded to --text-len, %% */
static uint32_t expand(const char *t, char *dst, uint32_t cap, conn_t *c, uint64_t seq, uint64_t ts) {
  char *p = dst, *end = dst + cap - 64;
  for (; *t; t++) {
    if (p >= end) die("template too long");
    if (*t != '%' || !t[1]) { *p++ = *t; continue; }
    switch (*++t) {
    case 'r': p = put_u64(p, c->room); break;
    case 'i': p = put_u64(p, (uint64_t)(c - C)); break;
    case 's': p = put_u64(p, seq); break;
    case 't': p = put_u64(p, ts); break;
    case 'p': p = put_u64(p, c->pub < 0 ? 0 : c->pub); break;
    case 'T': if (ntoks) { const char *k = toks[(c - C) % ntoks]; size_t l = strlen(k); if (p + l >= end) die("token too long"); memcpy(p, k, l); p += l; } break;
    case 'm': {
      char *b = p; memcpy(p, "s:", 2); p = put_u64(p + 2, seq); memcpy(p, " t:", 3); p = put_u64(p + 3, ts);
      memcpy(p, " p:", 3); p = put_u64(p + 3, c->pub < 0 ? 0 : c->pub); *p++ = ' ';
      while (p - b < o_textlen && p < end) *p++ = 'x';
      break; }
    case '%': *p++ = '%'; break;
    default: *p++ = '%'; *p++ = *t;
    }
  }
  return (uint32_t)(p - dst);
}

/* ---------- publishing ---------- */
static char *mbuf; static uint32_t mbuf_cap;
static void pub_queue(pub_t *p, uint64_t ts) {
  conn_t *c = &C[p->conn];
  if (c->st != ST_UP) return;
  uint32_t n = expand(o_tmpl, mbuf, mbuf_cap, c, ++p->sent, ts);
  queue_frame(c, 1, mbuf, n);
  if (o_sendone) out_flush(c);
}
static int ack_all, publishing;
static int *dirty, ndirty;
static inline int pub_room_left(pub_t *p) {
  if (!ack_all) return o_window - (int)(p->sent - p->own);
  int64_t outst = (int64_t)p->sent * roomsz[p->room] - (int64_t)p->recv;      /* deliveries outstanding */
  return o_window - (int)((outst + roomsz[p->room] - 1) / roomsz[p->room]);
}
static inline void mark(pub_t *p) { if (!p->dirty) { p->dirty = 1; dirty[ndirty++] = p - P; } }
static void flush_dirty(void) {
  for (int i = 0; i < ndirty; i++) {
    pub_t *p = &P[dirty[i]]; p->dirty = 0;
    if (!publishing) continue;
    int k = pub_room_left(p);
    if (k > 0) { uint64_t t = now_ns(); while (k-- > 0) pub_queue(p, t); if (!C[p->conn].want_out) out_flush(&C[p->conn]); }
  }
  ndirty = 0;
}

/* ---------- receiving ---------- */
static uint64_t win_t0, win_t1 = UINT64_MAX; static int win_on; static uint64_t win_deliv;
static uint32_t hint;
static inline const char *find_marker(const char *p, uint32_t n) {
  if (n < 3) return NULL;
  if (hint + 2 < n && p[hint] == 's' && p[hint + 1] == ':' && (unsigned)(p[hint + 2] - '0') < 10) return p + hint;
  const char *q = p, *e = p + n;
  while (q < e - 2 && (q = memmem(q, e - q, "s:", 2))) {
    if (q + 2 < e && (unsigned)(q[2] - '0') < 10 && (q == p || !isalnum((unsigned char)q[-1]))) { hint = q - p; return q; }
    q++;
  }
  return NULL;
}
static inline const char *num(const char *q, const char *e, uint64_t *v) { uint64_t x = 0; while (q < e && (unsigned)(*q - '0') < 10) x = x * 10 + (*q++ - '0'); *v = x; return q; }

static void on_text(conn_t *c, const char *p, uint32_t n, uint64_t t);
static void established(conn_t *c) {
  c->st = ST_UP; n_up++; n_inflight--; h_add(&h_hs, now_ns() - c->t0);
}
static void after_open(conn_t *c) {            /* the websocket (and socket.io session) is open */
  if (o_hello) {
    uint32_t n = expand(o_hello, mbuf, mbuf_cap, c, 0, now_ns()); queue_frame(c, 1, mbuf, n); out_flush(c);
    if (c->st == ST_DEAD) return;
    if (o_hello_ack) { c->st = ST_HELLO; return; }
  }
  established(c);
}
static void on_text(conn_t *c, const char *p, uint32_t n, uint64_t t) {
  if (o_sio && n && p[0] != '4') {
    if (p[0] == '2' && n == 1) { n_ping++; queue_frame(c, 1, "3", 1); out_flush(c); return; }
    if (p[0] == '0' && c->st == ST_SIO_OPEN) { queue_frame(c, 1, "40", 2); out_flush(c); if (c->st != ST_DEAD) c->st = ST_SIO_ACK; return; }
    n_other++; return;
  }
  if (o_sio && c->st == ST_SIO_ACK) { if (n >= 2 && p[1] == '0') { after_open(c); return; } if (n >= 2 && p[1] == '4') { snprintf(last_err, sizeof last_err, "%.*s", (int)(n > 100 ? 100 : n), p); n_fail++; } return; }
  if (c->st == ST_HELLO) { if (memmem(p, n, o_hello_ack, strlen(o_hello_ack))) { established(c); return; } }
  const char *e = p + n, *q = find_marker(p, n);
  if (!q || !P) { n_other++; return; }
  uint64_t s, ts = 0, pb = 0; int havep = 0;
  q = num(q + 2, e, &s);
  if (q + 3 < e && q[0] == ' ' && q[1] == 't' && q[2] == ':') q = num(q + 3, e, &ts);
  else { const char *x = memmem(p, n, "t:", 2); while (x && x + 2 < e && !isdigit((unsigned char)x[2])) x = memmem(x + 2, e - x - 2, "t:", 2); if (x) num(x + 2, e, &ts); }
  if (q + 3 < e && q[0] == ' ' && q[1] == 'p' && q[2] == ':') { num(q + 3, e, &pb); havep = 1; }
  else { const char *x = memmem(p, n, "p:", 2); if (x && x + 2 < e && isdigit((unsigned char)x[2])) { num(x + 2, e, &pb); havep = 1; } }
  if (!havep) pb = (uint64_t)c->room * o_pubs;
  n_frames++;
  if (pb >= (uint64_t)nP || P[pb].room != c->room) { n_misroute++; return; }
  pub_t *pu = &P[pb];
  sq_t *sq = &SQ[(size_t)(c - C) * o_pubs + pb % o_pubs];
  uint32_t s32 = (uint32_t)s;
  if (s32 == sq->last + 1) { sq->last = s32; sq->win = (sq->win << 1) | 1; }
  else if (s32 > sq->last) { uint32_t d = s32 - sq->last; n_gap += d - 1; sq->win = d < 64 ? (sq->win << d) | 1 : 1; sq->last = s32; }
  else { uint32_t d = sq->last - s32; if (d < 64 && !(sq->win & (1ull << d))) { sq->win |= 1ull << d; n_reord++; } else { n_dup++; return; } }
  n_uniq++;
  pu->recv++;
  if (pu->conn == (uint32_t)(c - C)) { pu->own++; if (publishing && !ack_all && mode == M_MAX) mark(pu); }
  if (ack_all && publishing && mode == M_MAX && pu->recv % roomsz[pu->room] == 0) mark(pu);
  if (win_on) win_deliv++;
  if (ts >= win_t0 && ts < win_t1 && t > ts) {
    h_add(&h_all, t - ts);
    if (o_nports > 1) { if (c->port_i == C[pu->conn].port_i) { h_add(&h_loc, t - ts); n_local++; } else { h_add(&h_rem, t - ts); n_remote++; } }
  }
}

/* parses the frames in b[0..n); returns the number of bytes consumed */
static uint32_t parse_frames(conn_t *c, char *b, uint32_t n, uint64_t t, uint64_t *need) {
  uint32_t off = 0; *need = 0;
  while (n - off >= 2) {
    unsigned char *h = (unsigned char *)b + off; uint64_t len = h[1] & 127; uint32_t hl = 2;
    if (len == 126) { if (n - off < 4) break; len = (uint64_t)h[2] << 8 | h[3]; hl = 4; }
    else if (len == 127) { if (n - off < 10) break; len = 0; for (int i = 0; i < 8; i++) len = len << 8 | h[2 + i]; hl = 10; }
    if (h[1] & 0x80 || h[0] & 0x70) { n_bad++; conn_dead(c, 1); return n; }          /* masked or RSV set by the server */
    if (len > (64u << 20)) { n_bad++; conn_dead(c, 1); return n; }
    if (n - off < hl + len) { *need = hl + len; break; }
    int op = h[0] & 15; char *pl = (char *)h + hl;
    if (op == 1 || op == 2) { if (!(h[0] & 0x80)) n_frag++; on_text(c, pl, (uint32_t)len, t); }
    else if (op == 9) { n_ping++; queue_frame(c, 10, pl, (uint32_t)(len > 125 ? 125 : len)); out_flush(c); }
    else if (op == 8) {
      snprintf(last_err, sizeof last_err, "close %u %.*s", len >= 2 ? (unsigned)((unsigned char)pl[0] << 8 | (unsigned char)pl[1]) : 0, len > 2 ? (int)(len - 2 > 80 ? 80 : len - 2) : 0, pl + 2);
      queue_frame(c, 8, pl, (uint32_t)(len > 2 ? 2 : len)); out_flush(c); conn_dead(c, 1); return n;
    }
    off += hl + (uint32_t)len;
    if (c->st == ST_DEAD) return n;
  }
  return off;
}

static char *rb; static uint32_t rb_cap = 1 << 20;
static void on_readable(conn_t *c, int hup) {
  for (int loops = 0; loops < 1000; loops++) {
    uint32_t have = c->carry_len;
    if (have) memcpy(rb, c->carry, have);
    uint32_t room = rb_cap - have;
    ssize_t n = recv(c->fd, rb + have, room, 0);
    n_recv_calls++;
    if (n < 0) { if (errno == EINTR) continue; if (errno == EAGAIN || errno == EWOULDBLOCK) return; snprintf(last_err, sizeof last_err, "recv: %s", strerror(errno)); conn_dead(c, 1); return; }
    if (n == 0) { conn_dead(c, 1); return; }
    n_bytes += n;
    uint64_t t = now_ns();
    uint32_t tot = have + n, off = 0; uint64_t need = 0;
    if (c->st == ST_HTTP) {
      char *e = memmem(rb, tot, "\r\n\r\n", 4);
      if (!e) { if (tot > 16384) { conn_dead(c, 1); return; } goto keep; }
      int code = tot > 12 ? atoi(rb + 9) : 0;
      if (code != 101) { last_http = code; snprintf(last_err, sizeof last_err, "%.*s", (int)(tot > 120 ? 120 : tot), rb); conn_dead(c, 1); return; }
      if (!memmem(rb, e - rb, WS_ACCEPT, sizeof WS_ACCEPT - 1)) n_badaccept++;
      off = e - rb + 4;
      if (o_sio) c->st = ST_SIO_OPEN; else { after_open(c); if (c->st == ST_DEAD) return; }
    }
    off += parse_frames(c, rb + off, tot - off, t, &need);
    if (c->st == ST_DEAD) return;
  keep:;
    uint32_t left = tot - off;
    if (left) {
      if (left > c->carry_cap || !c->carry) { uint32_t nc = left < 1024 ? 1024 : left * 2; c->carry = realloc(c->carry, nc); if (!c->carry) die("oom"); c->carry_cap = nc; }
      memcpy(c->carry, rb + off, left);
    }
    c->carry_len = left;
    if (need > rb_cap - 65536) { rb_cap = (uint32_t)need * 2 + 65536; free(rb); rb = malloc(rb_cap); if (!rb) die("oom"); continue; }
    if ((uint32_t)n < room && !hup) return;      /* drained: a new edge follows any new data */
  }
}

/* ---------- connections ---------- */
static void conn_dead(conn_t *c, int unexpected) {
  if (c->st == ST_DEAD) return;
  if (unexpected && !storming) { if (c->st == ST_UP) n_disc++; else n_fail++; }
  if (c->st == ST_UP) n_up--; else if (c->st != ST_NEW) n_inflight--;
  c->st = ST_DEAD;
  if (c->fd >= 0) { close(c->fd); c->fd = -1; }
  c->carry_len = 0; c->out_off = c->out_len = 0; c->want_out = 0;
}
static struct in_addr dst_addr;
static void start_connect(conn_t *c) {
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) { snprintf(last_err, sizeof last_err, "socket: %s", strerror(errno)); n_fail++; c->st = ST_DEAD; return; }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (o_quickack >= 0) setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &o_quickack, sizeof o_quickack);
  if (o_rcvbuf) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &o_rcvbuf, sizeof o_rcvbuf);
  if (c->stalled && o_stallbuf) setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &o_stallbuf, sizeof o_stallbuf);
  if (c->stalled && o_stallmss) setsockopt(c->fd, IPPROTO_TCP, TCP_MAXSEG, &o_stallmss, sizeof o_stallmss);
  if (o_rst) { struct linger l = {1, 0}; setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof l); }
  setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET};
  a.sin_addr.s_addr = htonl(0x7f000000u + o_srcbase + (uint32_t)((c - C) % o_src));
  if (bind(c->fd, (void *)&a, sizeof a) < 0) { snprintf(last_err, sizeof last_err, "bind: %s", strerror(errno)); n_fail++; close(c->fd); c->fd = -1; c->st = ST_DEAD; return; }
  struct sockaddr_in d = {.sin_family = AF_INET, .sin_addr = dst_addr, .sin_port = htons(o_ports[c->port_i])};
  c->t0 = now_ns(); c->st = ST_CONNECTING; n_inflight++;
  if (connect(c->fd, (void *)&d, sizeof d) < 0 && errno != EINPROGRESS) { snprintf(last_err, sizeof last_err, "connect: %s", strerror(errno)); conn_dead(c, 1); return; }
  struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u32 = (uint32_t)(c - C)};
  if (epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &ev) < 0) { snprintf(last_err, sizeof last_err, "epoll_ctl: %s", strerror(errno)); conn_dead(c, 1); }
}
static void send_upgrade(conn_t *c) {
  char p[8192], b[12288]; uint32_t n = expand(o_path, p, sizeof p, c, 0, 0); p[n] = 0;
  if (o_query) { uint32_t l = n; p[l++] = strchr(p, '?') ? '&' : '?'; l += expand(o_query, p + l, sizeof p - l - 1, c, 0, 0); p[l] = 0; }
  int k = snprintf(b, sizeof b, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " WS_KEY "\r\nSec-WebSocket-Version: 13\r\n", p, o_host, o_ports[c->port_i]);
  if (o_subproto) k += snprintf(b + k, sizeof b - k, "Sec-WebSocket-Protocol: %s\r\n", o_subproto);
  for (int i = 0; i < o_nheaders; i++) { char h[4096]; uint32_t l = expand(o_headers[i], h, sizeof h, c, 0, 0); k += snprintf(b + k, sizeof b - k, "%.*s\r\n", (int)l, h); }
  k += snprintf(b + k, sizeof b - k, "\r\n");
  if (k >= (int)sizeof b) die("request too long");
  memcpy(out_room(c, k), b, k); c->out_len += k;
  c->st = ST_HTTP; out_flush(c);
}
static void pump_connects(void) { while (n_next < (uint64_t)o_conns && n_inflight < (uint64_t)o_k) start_connect(&C[n_next++]); }

static int stall_now;
static struct epoll_event evs[1024];
/* one poll; timeout_ns 0 = do not wait */
static int poll_once(int64_t timeout_ns) {
  struct timespec ts = {timeout_ns / 1000000000, timeout_ns % 1000000000};
  int n = timeout_ns ? epoll_pwait2(ep, evs, 1024, &ts, NULL) : epoll_wait(ep, evs, 1024, 0);
  n_polls++;
  if (n <= 0) return 0;
  uint64_t t0 = now_ns(); n_events += n;
  for (int i = 0; i < n; i++) {
    conn_t *c = &C[evs[i].data.u32]; uint32_t e = evs[i].events;
    if (c->st == ST_DEAD || c->st == ST_NEW) continue;
    if (c->stalled && stall_now) continue;
    if (c->st == ST_CONNECTING) {
      if (e & (EPOLLERR | EPOLLHUP)) { int er = 0; socklen_t l = sizeof er; getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &er, &l); snprintf(last_err, sizeof last_err, "connect: %s", strerror(er)); conn_dead(c, 1); continue; }
      if (!(e & EPOLLOUT)) continue;
      send_upgrade(c);
      if (!(e & EPOLLIN)) continue;
    }
    if (c->st != ST_DEAD && (e & EPOLLOUT) && c->want_out) out_flush(c);
    if (c->st != ST_DEAD && (e & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) on_readable(c, !!(e & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)));
    if (ndirty) flush_dirty();
  }
  busy_ns += now_ns() - t0;
  return n;
}
static void pause_us(int us) { uint64_t e = now_ns() + (uint64_t)us * 1000; while (now_ns() < e) __builtin_ia32_pause(); }
/* waits for events until `until`; spins when asked to */
static void step(uint64_t until) {
  uint64_t t = now_ns();
  if (o_spin) { int n = poll_once(0); if (n < 64 && o_gap_us > 0) pause_us(o_gap_us); return; }
  int64_t d = until > t ? (int64_t)(until - t) : 0; if (d > 50000000) d = 50000000;
  poll_once(d);
}
static double connect_all(void) {
  uint64_t t0 = now_ns(), dl = t0 + (uint64_t)(o_ctimeout * 1e9);
  while (now_ns() < dl) {
    pump_connects();
    if (n_next >= (uint64_t)o_conns && n_inflight == 0) break;
    poll_once(20000000);
  }
  return (now_ns() - t0) / 1e9;
}
static void idle_for(double secs) { uint64_t e = now_ns() + (uint64_t)(secs * 1e9); while (now_ns() < e) poll_once(10000000); }

static uint64_t expected_total(void) { uint64_t x = 0; for (int i = 0; i < nP; i++) x += (uint64_t)P[i].sent * roomsz[P[i].room]; return x; }
static void drain(void) {
  uint64_t want = expected_total(), e = now_ns() + (uint64_t)(o_drain * 1e9);
  while (n_uniq < want && n_up && now_ns() < e) poll_once(10000000);
}

static void on_alarm(int s) { (void)s; static const char m[] = "{\"error\":\"max-secs reached\"}\n"; if (write(1, m, sizeof m - 1)) {} _exit(3); }

static void usage(void) {
  fprintf(stderr,
    "loadgen [options]\n"
    "  --mode fanout-max|fanout-rate|connect|storm\n"
    "  --host 127.0.0.1  --port P[,P2]       members of a room alternate over the ports\n"
    "  --path '/ws/chat/r%%r'  --query 'token=%%T'  --token-file F  --header 'Name: v'  --subprotocol S\n"
    "  --conns N --rooms N --pubs N(per room) --pub-pos spread|first|last\n"
    "  --msg TEMPLATE   %%s seq, %%t ns, %%p publisher, %%r room, %%i connection, %%m = 's:N t:NS p:P xxx' padded to --text-len\n"
    "  --text-len 64  --hello TEMPLATE --hello-ack SUBSTRING\n"
    "  --window W (fanout-max) --ack own|all  --rate R (messages/s in all, fanout-rate)\n"
    "  --warmup S --duration S --drain S --settle S --hold S --connect-timeout S --max-secs S\n"
    "  --inflight K (handshakes) --rounds N (storm) --rst (abrupt close)\n"
    "  --spin 0|1 --gap-us N (pause between polls; default 20 for fanout-max, 0 for fanout-rate)\n"
    "  --quickack 0|1 (TCP_QUICKACK on the client sockets; default: leave it alone)\n"
    "  --src-base 2 --src-count N (source addresses 127.0.0.(base+i)) --rcvbuf N\n"
    "  --pid PID[,PID] (server processes: CPU and RSS are read from /proc)\n"
    "  --socketio       Engine.IO v4 / Socket.IO v4 client over websocket\n"
    "  --stall N        the last N connections stop reading once they are up (slow consumers); not counted as expected\n"
    "  --stall-rcvbuf N --stall-mss N   receive buffer and segment size of those: by them the kernel holds little of what they don't read\n"
    "  --label NAME     exit status: 0 ok, 2 usage or no connection, 3 --max-secs, 4 connections were lost\n");
  exit(1);
}
static int ints(const char *s, int *o, int max) { int n = 0; char *d = strdup(s), *sv = NULL; for (char *t = strtok_r(d, ",", &sv); t && n < max; t = strtok_r(NULL, ",", &sv)) o[n++] = atoi(t); free(d); return n; }

int main(int argc, char **argv) {
  static struct option L[] = {
    {"mode",1,0,1},{"host",1,0,2},{"port",1,0,3},{"path",1,0,4},{"query",1,0,5},{"conns",1,0,6},{"rooms",1,0,7},{"pubs",1,0,8},{"msg",1,0,9},{"window",1,0,10},
    {"rate",1,0,11},{"warmup",1,0,12},{"duration",1,0,13},{"drain",1,0,14},{"hold",1,0,15},{"inflight",1,0,16},{"max-secs",1,0,17},{"socketio",0,0,18},{"spin",1,0,19},
    {"gap-us",1,0,20},{"src-count",1,0,21},{"src-base",1,0,22},{"pid",1,0,23},{"text-len",1,0,24},{"hello",1,0,25},{"hello-ack",1,0,26},{"ack",1,0,27},{"pub-pos",1,0,28},
    {"settle",1,0,29},{"rounds",1,0,30},{"rst",0,0,31},{"label",1,0,32},{"header",1,0,33},{"subprotocol",1,0,34},{"token-file",1,0,35},{"connect-timeout",1,0,36},{"rcvbuf",1,0,37},{"quiet",0,0,38},{"send-each",0,0,39},{"quickack",1,0,40},{"stall",1,0,41},{"stall-rcvbuf",1,0,42},{"stall-mss",1,0,43},{0,0,0,0}};
  int o;
  while ((o = getopt_long(argc, argv, "h", L, NULL)) != -1) switch (o) {
    case 1: o_mode = optarg; break; case 2: o_host = optarg; break; case 3: o_nports = ints(optarg, o_ports, 16); break; case 4: o_path = optarg; break; case 5: o_query = optarg; break;
    case 6: o_conns = atoi(optarg); break; case 7: o_rooms = atoi(optarg); break; case 8: o_pubs = atoi(optarg); break; case 9: o_tmpl = optarg; break; case 10: o_window = atoi(optarg); break;
    case 11: o_rate = atof(optarg); break; case 12: o_warm = atof(optarg); break; case 13: o_dur = atof(optarg); break; case 14: o_drain = atof(optarg); break; case 15: o_hold = atof(optarg); break;
    case 16: o_k = atoi(optarg); break; case 17: o_maxsecs = atoi(optarg); break; case 18: o_sio = 1; break; case 19: o_spin = atoi(optarg); break; case 20: o_gap_us = atoi(optarg); break;
    case 21: o_src = atoi(optarg); break; case 22: o_srcbase = atoi(optarg); break; case 23: o_npids = ints(optarg, o_pids, 16); break; case 24: o_textlen = atoi(optarg); break;
    case 25: o_hello = optarg; break; case 26: o_hello_ack = optarg; break; case 27: o_ack = optarg; break; case 28: o_pubpos = optarg; break; case 29: o_settle = atof(optarg); break;
    case 30: o_rounds = atoi(optarg); break; case 31: o_rst = 1; break; case 32: o_label = optarg; break; case 33: if (o_nheaders < 16) o_headers[o_nheaders++] = optarg; break;
    case 34: o_subproto = optarg; break; case 35: o_tokfile = optarg; break; case 36: o_ctimeout = atof(optarg); break; case 37: o_rcvbuf = atoi(optarg); break; case 38: o_quiet = 1; break; case 39: o_sendone = 1; break; case 40: o_quickack = atoi(optarg); break; case 41: o_stall = atoi(optarg); break; case 42: o_stallbuf = atoi(optarg); break; case 43: o_stallmss = atoi(optarg); break;
    default: usage();
  }
  if (!o_nports) { o_ports[0] = 9001; o_nports = 1; }
  mode = !strcmp(o_mode, "fanout-max") ? M_MAX : !strcmp(o_mode, "fanout-rate") ? M_RATE : !strcmp(o_mode, "connect") ? M_CONNECT : !strcmp(o_mode, "storm") ? M_STORM : -1;
  if (mode < 0 || o_conns < 1 || o_rooms < 1 || o_pubs < 0 || o_rooms > o_conns) usage();
  if (!inet_aton(o_host, &dst_addr) || (ntohl(dst_addr.s_addr) >> 24) != 127) die("only loopback addresses are allowed");
  if (!o_tmpl) o_tmpl = o_sio ? "42[\"message\",{\"user\":\"u%p\",\"text\":\"%m\"}]" : "{\"user\":\"u%p\",\"text\":\"%m\"}";
  if (o_gap_us < 0) o_gap_us = mode == M_MAX ? 20 : 0;
  if (!o_src) { o_src = o_conns / 20000 + 1; if (mode == M_STORM || mode == M_CONNECT) o_src = o_conns / 5000 + 2; }
  ack_all = !strcmp(o_ack, "all");
  if (o_tokfile) {
    FILE *f = fopen(o_tokfile, "r"); if (!f) die("cannot open %s", o_tokfile);
    char *ln = NULL; size_t lc = 0; ssize_t r; toks = malloc(sizeof(char *) * 200000);
    while ((r = getline(&ln, &lc, f)) > 0 && ntoks < 200000) { while (r && isspace((unsigned char)ln[r - 1])) ln[--r] = 0; if (r) toks[ntoks++] = strdup(ln); }
    free(ln); fclose(f);
  }
  struct rlimit rl; getrlimit(RLIMIT_NOFILE, &rl); rl.rlim_cur = rl.rlim_max;
  if (rl.rlim_max < (rlim_t)o_conns + 64) { struct rlimit r2 = {o_conns + 1024, o_conns + 1024}; if (setrlimit(RLIMIT_NOFILE, &r2) < 0) die("RLIMIT_NOFILE is %lu, %d connections asked: run several loadgens with different --src-base", (unsigned long)rl.rlim_max, o_conns); }
  else setrlimit(RLIMIT_NOFILE, &rl);
  signal(SIGPIPE, SIG_IGN); signal(SIGALRM, on_alarm); alarm(o_maxsecs);

  ep = epoll_create1(EPOLL_CLOEXEC); if (ep < 0) die("epoll");
  C = calloc(o_conns, sizeof *C); roomsz = calloc(o_rooms, sizeof *roomsz);
  mbuf_cap = (uint32_t)(strlen(o_tmpl) + (o_hello ? strlen(o_hello) : 0) + o_textlen + 8192); mbuf = malloc(mbuf_cap); rb = malloc(rb_cap);
  if (!C || !roomsz || !mbuf || !rb) die("oom");
  for (int i = 0; i < o_conns; i++) { C[i].fd = -1; C[i].pub = -1; C[i].room = i % o_rooms; C[i].member = i / o_rooms; C[i].port_i = C[i].member % o_nports; C[i].stalled = i >= o_conns - o_stall; if (!C[i].stalled) roomsz[C[i].room]++; }
  if (o_stall >= o_conns) usage();
  if (o_pubs > (int)(o_conns / o_rooms)) o_pubs = o_conns / o_rooms;
  if (o_pubs > 0) {
    nP = o_rooms * o_pubs; P = calloc(nP, sizeof *P); SQ = calloc((size_t)o_conns * o_pubs, sizeof *SQ); dirty = calloc(nP, sizeof *dirty);
    if (!P || !SQ || !dirty) die("oom");
    for (int r = 0; r < o_rooms; r++) for (int k = 0; k < o_pubs; k++) {
      uint32_t m = roomsz[r], x = !strcmp(o_pubpos, "first") ? (uint32_t)k : !strcmp(o_pubpos, "last") ? m - 1 - k : (uint32_t)(((double)k + 0.5) * m / o_pubs);
      if (x >= m) x = m - 1;
      int ci = (int)x * o_rooms + r; P[r * o_pubs + k].conn = ci; P[r * o_pubs + k].room = r; C[ci].pub = r * o_pubs + k;
    }
  }

  double cu0 = 0, cs0 = 0, cu1 = 0, cs1 = 0, steal0 = 0, steal1 = 0, sw0 = 0, sw1 = 0, cw0 = 0, cw1 = 0; long rss0 = proc_rss_kb();
  double hcu0, hcs0, hcu1, hcs1; proc_cpu(&hcu0, &hcs0);
  double ct = connect_all();
  proc_cpu(&hcu1, &hcs1);
  uint64_t up0 = n_up;
  if ((int)n_up < o_conns) fprintf(stderr, "loadgen: %llu of %d connections up, %llu failed, last http %d: %s\n", (unsigned long long)n_up, o_conns, (unsigned long long)n_fail, last_http, last_err);
  if (!n_up) { printf("{\"label\":\"%s\",\"mode\":\"%s\",\"error\":\"no connection\",\"last_error\":\"%d\"}\n", o_label, o_mode, last_http); return 2; }
  idle_for(o_settle);
  long rss_ready = proc_rss_kb(), rss_peak = rss_ready; uint64_t rss_next = 0;
  stall_now = 1;
  double wall = 0, storm_close = 0, storm_back = 0, storm_best = 1e9, storm_sum = 0; uint64_t ms0 = 0, sent_win = 0, sent0 = 0, rc0 = 0, fr0 = 0, by0 = 0; long rss1 = 0;
  double cl_cpu = 0, cl_busy = 0; struct rusage ru0, ru1; uint64_t verify_want = 0, verify_got = 0;
  memset(&ru0, 0, sizeof ru0); memset(&ru1, 0, sizeof ru1);

  if (mode == M_MAX || mode == M_RATE) {
    if (!nP) die("no publishers");
    publishing = 1; win_t0 = UINT64_MAX;
    uint64_t t0 = now_ns(), tm = t0 + (uint64_t)(o_warm * 1e9), te = tm + (uint64_t)(o_dur * 1e9), sched = t0, k = 0; double iv = mode == M_RATE ? 1e9 / o_rate : 0;
    int measuring = 0;
    if (mode == M_MAX) { for (int i = 0; i < nP; i++) mark(&P[i]); flush_dirty(); }
    for (;;) {
      uint64_t t = now_ns();
      if (!measuring && t >= tm) {
        measuring = 1; ms0 = t; win_t0 = t; win_on = 1; proc_cpu(&cu0, &cs0); steal0 = steal_s(); sw0 = proc_wait(); cw0 = wait_of("/proc/self/schedstat", NULL); getrusage(RUSAGE_SELF, &ru0); busy_ns = 0; rc0 = n_recv_calls; fr0 = n_frames; by0 = n_bytes;
        for (int i = 0; i < nP; i++) sent0 += P[i].sent;
      }
      if (t >= te) break;
      if (o_npids && t >= rss_next) { long r = proc_rss_kb(); if (r > rss_peak) rss_peak = r; rss_next = t + 50000000; }
      if (mode == M_RATE) {
        for (int g = 0; sched <= t && g < 10000; g++) { pub_t *p = &P[k % nP]; pub_queue(p, sched); if (C[p->conn].st == ST_UP && !C[p->conn].want_out) out_flush(&C[p->conn]); k++; sched = t0 + (uint64_t)(k * iv); }
        step(sched < te ? sched : te);
      } else step(te);
      if (!n_up) break;
    }
    uint64_t t = now_ns(); wall = (t - ms0) / 1e9; win_on = 0; win_t1 = t; publishing = 0;
    proc_cpu(&cu1, &cs1); steal1 = steal_s(); sw1 = proc_wait(); cw1 = wait_of("/proc/self/schedstat", NULL); getrusage(RUSAGE_SELF, &ru1); cl_busy = busy_ns / 1e9 / wall;
    rc0 = n_recv_calls - rc0; fr0 = n_frames - fr0; by0 = n_bytes - by0;
    for (int i = 0; i < nP; i++) sent_win += P[i].sent;
    sent_win -= sent0;
    rss1 = proc_rss_kb();
    drain();
  } else if (mode == M_CONNECT) {
    printf("READY %llu\n", (unsigned long long)n_up); fflush(stdout);
    proc_cpu(&cu0, &cs0); idle_for(o_hold); proc_cpu(&cu1, &cs1); wall = o_hold;
    rss1 = proc_rss_kb();
  } else {
    idle_for(1);
    proc_cpu(&cu0, &cs0);
    for (int r = 0; r < o_rounds; r++) {
      uint64_t t0 = now_ns();
      storming = 1; for (int i = 0; i < o_conns; i++) { if (C[i].st == ST_UP) conn_dead(&C[i], 0); else if (C[i].fd >= 0) conn_dead(&C[i], 0); C[i].st = ST_NEW; }
      storming = 0; n_up = 0; n_inflight = 0; n_next = 0;
      storm_close = (now_ns() - t0) / 1e9;
      memset(&h_hs, 0, sizeof h_hs);
      connect_all();
      storm_back = (now_ns() - t0) / 1e9; storm_sum += storm_back; if (storm_back < storm_best) storm_best = storm_back;
      idle_for(0.5);
    }
    proc_cpu(&cu1, &cs1);
    uint64_t u0 = n_uniq, x0 = expected_total();
    if (nP) { win_t0 = 0; uint64_t t = now_ns(); for (int i = 0; i < nP; i++) { pub_queue(&P[i], t); out_flush(&C[P[i].conn]); } drain(); }
    verify_want = expected_total() - x0; verify_got = n_uniq - u0;
    rss1 = proc_rss_kb();
  }
  cl_cpu = (ru1.ru_utime.tv_sec - ru0.ru_utime.tv_sec) + (ru1.ru_stime.tv_sec - ru0.ru_stime.tv_sec) + (ru1.ru_utime.tv_usec - ru0.ru_utime.tv_usec + ru1.ru_stime.tv_usec - ru0.ru_stime.tv_usec) / 1e6;
  uint64_t want = expected_total(), got_all = n_uniq, disc = n_disc, stalled_closed = 0; 
  if (o_stall) {                                   /* the members that never read: did the server give them up? */
    uint64_t e = now_ns() + 3000000000ull; int alive = 1;
    while (alive && now_ns() < e) {
      alive = 0; stalled_closed = 0;
      for (int i = o_conns - o_stall; i < o_conns; i++) {
        conn_t *c = &C[i]; if (c->st != ST_UP) { stalled_closed++; continue; }
        for (int k = 0; k < 64; k++) { ssize_t n = recv(c->fd, rb, rb_cap, 0); if (n > 0) continue; if (n < 0 && (errno == EAGAIN || errno == EINTR)) { alive = 1; break; } close(c->fd); c->fd = -1; c->st = ST_DEAD; stalled_closed++; break; }
        if (c->st == ST_UP) alive = 1;
      }
      poll_once(1000000);
    }
  }
  FILE *f = stdout;
  fprintf(f, "{\"label\":\"%s\",\"mode\":\"%s\",\"conns\":%d,\"rooms\":%d,\"pubs\":%d,\"window\":%d,\"ack\":\"%s\",\"up\":%llu,\"up_end\":%llu,\"failed\":%llu,\"disconnects\":%llu,\"bad_accept\":%llu,", o_label, o_mode, o_conns, o_rooms, o_pubs, o_window, o_ack,
          (unsigned long long)up0, (unsigned long long)n_up, (unsigned long long)n_fail, (unsigned long long)disc, (unsigned long long)n_badaccept);
  fprintf(f, "\"connect_s\":%.3f,\"handshakes_per_s\":%.0f,\"hs_cpu_us\":%.1f,", ct, up0 / ct, o_npids ? (hcu1 - hcu0 + hcs1 - hcs0) * 1e6 / up0 : -1); h_print(f, "handshake_us", &h_hs);
  if (mode == M_MAX || mode == M_RATE) {
    uint64_t recvd = got_all;
    double dps = win_deliv / wall;
    fprintf(f, ",\"wall_s\":%.3f,\"msgs_sent\":%llu,\"msgs_per_s\":%.0f,\"deliveries\":%llu,\"deliveries_per_s\":%.0f,\"expected\":%llu,\"received\":%llu,\"lost\":%lld,\"dup\":%llu,\"reordered\":%llu,\"misrouted\":%llu,\"bad_frames\":%llu,\"other_frames\":%llu,\"pings\":%llu,",
            wall, (unsigned long long)sent_win, sent_win / wall, (unsigned long long)win_deliv, dps, (unsigned long long)want, (unsigned long long)recvd, (long long)(want - recvd), (unsigned long long)n_dup, (unsigned long long)n_reord,
            (unsigned long long)n_misroute, (unsigned long long)n_bad, (unsigned long long)n_other, (unsigned long long)n_ping);
    h_print(f, "lat_us", &h_all);
    if (o_nports > 1) { fprintf(f, ","); h_print(f, "lat_local_us", &h_loc); fprintf(f, ","); h_print(f, "lat_remote_us", &h_rem); }
    fprintf(f, ",\"rx_mb_per_s\":%.1f,\"frames_per_recv\":%.2f,\"client_busy\":%.3f,\"client_cpu\":%.3f,\"steal\":%.3f,\"srv_wait\":%.3f,\"client_wait\":%.3f", by0 / 1e6 / wall, rc0 ? (double)fr0 / rc0 : 0, cl_busy, cl_cpu / wall, (steal1 - steal0) / wall, (sw1 - sw0 > 0 ? sw1 - sw0 : 0) / wall, (cw1 - cw0) / wall);
    if (o_npids) { double u = cu1 - cu0, s = cs1 - cs0; fprintf(f, ",\"srv_user_s\":%.2f,\"srv_sys_s\":%.2f,\"srv_cpu\":%.3f,\"cpu_s_per_m\":%.3f,\"user_s_per_m\":%.3f,\"sys_s_per_m\":%.3f", u, s, (u + s) / wall, win_deliv ? (u + s) * 1e6 / win_deliv : -1, win_deliv ? u * 1e6 / win_deliv : -1, win_deliv ? s * 1e6 / win_deliv : -1); }
  }
  if (o_stall) fprintf(f, ",\"stalled\":%d,\"stalled_closed\":%llu", o_stall, (unsigned long long)stalled_closed);
  if (mode == M_CONNECT) fprintf(f, ",\"hold_s\":%.1f,\"pings\":%llu,\"other_frames\":%llu,\"idle_cpu\":%.4f", o_hold, (unsigned long long)n_ping, (unsigned long long)n_other, (cu1 - cu0 + cs1 - cs0) / wall);
  if (mode == M_STORM) fprintf(f, ",\"close_s\":%.3f,\"back_s\":%.3f,\"back_best_s\":%.3f,\"back_mean_s\":%.3f,\"rounds\":%d,\"storm_cpu_s\":%.2f,\"verify_expected\":%llu,\"verify_received\":%llu", storm_close, storm_back, storm_best, storm_sum / o_rounds, o_rounds, cu1 - cu0 + cs1 - cs0, (unsigned long long)verify_want, (unsigned long long)verify_got);
  if (o_npids) fprintf(f, ",\"rss_start_kb\":%ld,\"rss_ready_kb\":%ld,\"rss_peak_kb\":%ld,\"rss_end_kb\":%ld,\"rss_per_conn_b\":%.0f", rss0, rss_ready, rss_peak, rss1, (rss1 - rss0) * 1024.0 / up0);
  if (last_err[0]) { fprintf(f, ",\"last_error\":\""); for (char *s = last_err; *s; s++) { if (*s == '"' || *s == '\\') fputc('\\', f); if ((unsigned char)*s >= 32) fputc(*s, f); else fputc(' ', f); } fprintf(f, "\""); }
  fprintf(f, "}\n");
  return disc ? 4 : 0;
}
