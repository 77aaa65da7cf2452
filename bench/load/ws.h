/* What both load tools share: time, growing buffers, WebSocket frames (RFC 6455), one epoll loop.
 *
 * Loopback only, one thread, no TLS: the tools must cost less than what they measure. Text frames
 * of up to 16 MiB; control frames are answered; a fragmented message ends the process, because no
 * relay under test may make one out of whole frames.
 */
#ifndef WS_H
#define WS_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 0x1, CLOSE = 0x8, PING = 0x9, PONG = 0xA, FIN = 0x80, MASKED = 0x80 };

static const uint8_t MASK_KEY[4] = {0x37, 0xfa, 0x21, 0x3d};

/* `event_id` of what is timed: "event_T" and 19 digits of nanoseconds on the monotonic clock. */
#define STAMP "event_T"
#define STAMP_DIGITS 19

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

/* -- bytes that wait ---------------------------------------------------------------------- */

typedef struct {
  uint8_t *data;
  size_t from, to, room;
} buffer;

static inline size_t waiting(const buffer *b) { return b->to - b->from; }

static inline uint8_t *reserve(buffer *b, size_t more) {
  if (b->from == b->to) b->from = b->to = 0;
  if (b->to + more > b->room) {
    if (b->from) {
      memmove(b->data, b->data + b->from, waiting(b));
      b->to -= b->from;
      b->from = 0;
    }
    while (b->to + more > b->room) b->room = b->room ? b->room * 2 : 4096;
    if (!(b->data = realloc(b->data, b->room))) die("memory");
  }
  return b->data + b->to;
}

static inline void append(buffer *b, const void *data, size_t size) {
  memcpy(reserve(b, size), data, size);
  b->to += size;
}

static inline void release(buffer *b) {
  free(b->data);
  memset(b, 0, sizeof *b);
}

/* -- frames ------------------------------------------------------------------------------- */

static inline size_t frame_head(uint8_t *head, uint8_t opcode, size_t size, int masked) {
  uint8_t bit = masked ? MASKED : 0;
  size_t used = 2;
  head[0] = FIN | opcode;
  if (size < 126) {
    head[1] = bit | (uint8_t)size;
  } else if (size < 65536) {
    head[1] = bit | 126;
    head[2] = (uint8_t)(size >> 8);
    head[3] = (uint8_t)size;
    used = 4;
  } else {
    head[1] = bit | 127;
    for (int i = 0; i < 8; i++) head[2 + i] = (uint8_t)(size >> (56 - 8 * i));
    used = 10;
  }
  if (masked) {
    memcpy(head + used, MASK_KEY, 4);
    used += 4;
  }
  return used;
}

static inline void mask(uint8_t *data, size_t size, const uint8_t key[4]) {
  uint32_t word;
  memcpy(&word, key, 4);
  uint64_t pair = (uint64_t)word << 32 | word;
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    uint64_t eight;
    memcpy(&eight, data + i, 8);
    eight ^= pair;
    memcpy(data + i, &eight, 8);
  }
  for (; i < size; i++) data[i] ^= key[i & 3];
}

static inline void put_frame(buffer *b, uint8_t opcode, const void *data, size_t size, int masked) {
  reserve(b, size + 14);
  b->to += frame_head(b->data + b->to, opcode, size, masked);
  memcpy(b->data + b->to, data, size);
  if (masked) mask(b->data + b->to, size, MASK_KEY);
  b->to += size;
}

/* Looks for one whole frame in `b`. Returns its opcode and where its unmasked payload lies, and
 * takes it out of the buffer; -1 where more bytes are needed. The payload is valid until the next
 * call that touches the buffer. */
static inline int take_frame(buffer *b, uint8_t **payload, size_t *size) {
  size_t have = waiting(b), head = 2;
  uint8_t *p = b->data + b->from;
  if (have < 2) return -1;
  uint64_t length = p[1] & 0x7f;
  if (length == 126) {
    if (have < 4) return -1;
    length = (uint64_t)p[2] << 8 | p[3];
    head = 4;
  } else if (length == 127) {
    if (have < 10) return -1;
    length = 0;
    for (int i = 0; i < 8; i++) length = length << 8 | p[2 + i];
    head = 10;
  }
  if (length > (16u << 20)) { errno = EMSGSIZE; die("frame"); }
  int masked = p[1] & MASKED;
  if (masked) head += 4;
  if (have < head + length) return -1;
  if (!(p[0] & FIN) || !(p[0] & 0x0f)) { errno = EPROTO; die("a fragmented message"); }
  *payload = p + head;
  *size = length;
  if (masked) mask(*payload, length, p + head - 4);
  b->from += head + length;
  return p[0] & 0x0f;
}

/* -- events ------------------------------------------------------------------------------- */

static inline const uint8_t *find(const uint8_t *in, size_t size, const char *what) {
  return memmem(in, size, what, strlen(what));
}

/* Whether the text stands in the event's head, where `type` is. */
static inline int headed(const uint8_t *in, size_t size, const char *what) {
  return find(in, size < 200 ? size : 200, what) != NULL;
}

/* The nanoseconds of the stamp in the event's head; 0 where it has none. */
static inline uint64_t stamped(const uint8_t *in, size_t size) {
  const uint8_t *at = find(in, size < 200 ? size : 200, STAMP);
  if (!at || at + strlen(STAMP) + STAMP_DIGITS > in + size) return 0;
  uint64_t ns = 0;
  for (int i = 0; i < STAMP_DIGITS; i++) {
    uint8_t digit = at[strlen(STAMP) + (size_t)i];
    if (digit < '0' || digit > '9') return 0;
    ns = ns * 10 + (digit - '0');
  }
  return ns;
}

static inline void put_stamp(char *digits, uint64_t ns) {
  for (int i = STAMP_DIGITS - 1; i >= 0; i--, ns /= 10) digits[i] = (char)('0' + ns % 10);
}

/* The sum of a JSON string's bytes, found by its key: equal at both ends or something was lost. */
static inline uint64_t sum_of(const uint8_t *in, size_t size, const char *key) {
  const uint8_t *at = find(in, size, key);
  if (!at) return 0;
  uint64_t sum = 0;
  for (at += strlen(key); at < in + size && *at != '"'; at++) sum += *at;
  return sum;
}

/* Base64 characters that no compression or lucky cache makes cheap, the same in each run. */
static inline void fill_audio(char *into, size_t size) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  uint64_t x = 88172645463325252ull;
  for (size_t i = 0; i < size; i++) {
    x ^= x << 13; x ^= x >> 7; x ^= x << 17;
    into[i] = alphabet[x & 63];
  }
}

static inline void raise_file_limit(void) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

static inline void no_delay(int socket) {
  int one = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

#endif
