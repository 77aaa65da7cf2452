/* A realtime upstream that does nothing but what a load test needs, as cheaply as it can.
 *
 *   upstream            prints {"port": N} and serves until its stdin ends
 *
 * Any path is a WebSocket, but /control?size=S&count=N&pace=P&burst=B&cycle=C&sums=0|1, which sets
 * what a `response.create` gets, for all sessions from then on, and answers the counts so far:
 *   pace=0    N audio deltas of S base64 characters as fast as the socket takes them, then done
 *   pace=P    B deltas every 1/P of their own duration, each with a transcript delta behind it,
 *             every C milliseconds anew, until `response.cancel`
 * A `session.update` is echoed. An append counts; a commit is answered.
 */
#include "ws.h"

#define EVENTS 256
#define HIGH_WATER (256 * 1024)

typedef struct peer {
  int socket, open, writing, gone;
  buffer in, out;
  long left;              /* deltas of a saturated response */
  int speaking, in_burst; /* voice: whether, and how many of the burst are said */
  uint64_t next;          /* voice: when the next delta is due */
  struct peer *after;     /* all peers, in a list */
  struct peer *before;
} peer;

static struct { size_t size; long count; double pace; long burst; uint64_t cycle; int sums; } set =
    {8192, 100, 0, 16, 2000000000ull, 0};
static struct { long sessions, live, appends, deltas; uint64_t append_bytes, up_sum, down_sum; } seen;

static int epoll, accept_socket;
static peer *peers;
static char *delta, *small;
static size_t delta_size, small_size, delta_stamp, small_stamp;
static uint64_t delta_sum;

static void make_delta(void) {
  static const char head[] =
      "{\"type\":\"response.audio.delta\",\"event_id\":\"" STAMP "0000000000000000000\","
      "\"response_id\":\"resp_load\",\"item_id\":\"item_load\",\"output_index\":0,"
      "\"content_index\":0,\"delta\":\"";
  static const char text[] =
      "{\"type\":\"response.audio_transcript.delta\",\"event_id\":\"" STAMP "0000000000000000000\","
      "\"response_id\":\"resp_load\",\"item_id\":\"item_load\",\"output_index\":0,"
      "\"content_index\":0,\"delta\":\" every word\"}";
  free(delta);
  delta_size = sizeof head - 1 + set.size + 2;
  if (!(delta = malloc(delta_size))) die("memory");
  memcpy(delta, head, sizeof head - 1);
  fill_audio(delta + sizeof head - 1, set.size);
  memcpy(delta + delta_size - 2, "\"}", 2);
  delta_stamp = (size_t)(strstr(head, STAMP) - head) + strlen(STAMP);
  delta_sum = sum_of((uint8_t *)delta, delta_size, "\"delta\":\"");
  small = (char *)text;
  static char kept[sizeof text];
  memcpy(kept, text, sizeof text);
  small = kept;
  small_size = sizeof text - 1;
  small_stamp = (size_t)(strstr(text, STAMP) - text) + strlen(STAMP);
}

static void say(peer *p, const char *text) { put_frame(&p->out, TEXT, text, strlen(text), 0); }

static void say_delta(peer *p) {
  put_stamp(delta + delta_stamp, now_ns());
  put_frame(&p->out, TEXT, delta, delta_size, 0);
  seen.deltas++;
  seen.down_sum += delta_sum;
}

static void leave(peer *p) {
  if (p->gone) return;
  p->gone = 1;
  if (p->open) seen.live--;
  close(p->socket);
}

static void watch(peer *p, int writing) {
  if (p->writing == writing) return;
  p->writing = writing;
  struct epoll_event e = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = p};
  epoll_ctl(epoll, EPOLL_CTL_MOD, p->socket, &e);
}

/* Writes what waits; a saturated response refills the buffer as it drains. */
static void flush(peer *p) {
  while (!p->gone) {
    while (p->left > 0 && waiting(&p->out) < HIGH_WATER) {
      say_delta(p);
      if (--p->left == 0)
        say(p, "{\"type\":\"response.done\",\"event_id\":\"event_done\",\"response\":{\"id\":"
               "\"resp_load\",\"object\":\"realtime.response\",\"status\":\"completed\","
               "\"output\":[],\"conversation_id\":\"conv_load\"}}");
    }
    if (!waiting(&p->out)) break;
    ssize_t sent = send(p->socket, p->out.data + p->out.from, waiting(&p->out), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN) { watch(p, 1); return; }
      leave(p);
      return;
    }
    p->out.from += (size_t)sent;
  }
  if (!p->gone) watch(p, 0);
}

static void begin_response(peer *p) {
  say(p, "{\"type\":\"response.created\",\"event_id\":\"event_begun\",\"response\":{\"id\":"
         "\"resp_load\",\"object\":\"realtime.response\",\"status\":\"in_progress\",\"output\":[],"
         "\"conversation_id\":\"conv_load\"}}");
  say(p, "{\"type\":\"response.output_item.added\",\"event_id\":\"event_item\",\"response_id\":"
         "\"resp_load\",\"output_index\":0,\"item\":{\"id\":\"item_load\",\"object\":"
         "\"realtime.item\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"in_progress\","
         "\"content\":[]}}");
  if (set.pace > 0) {
    p->speaking = 1;
    p->in_burst = 0;
    p->next = now_ns() + (uint64_t)(p->socket * 7919 % 1000) * set.cycle / 1000;
  } else {
    p->left = set.count;
  }
}

static void on_event(peer *p, uint8_t *event, size_t size) {
  if (headed(event, size, "\"input_audio_buffer.append\"")) {
    seen.appends++;
    seen.append_bytes += size;
    if (set.sums) seen.up_sum += sum_of(event, size, "\"audio\":\"");
  } else if (headed(event, size, "\"session.update\"")) {
    const uint8_t *session = find(event, size, "\"session\":{");
    if (!session) return;
    static const char head[] = "{\"type\":\"session.updated\",\"event_id\":\"event_updated\",";
    buffer echo = {0};
    append(&echo, head, sizeof head - 1);
    /* The session object is the event's last key or is followed by others: cut at its own end. */
    size_t depth = 0, end = 0, in_text = 0;
    size_t rest = size - (size_t)(session - event);
    for (size_t i = strlen("\"session\":"); i < rest; i++) {
      uint8_t c = session[i];
      if (in_text) { if (c == '\\') i++; else if (c == '"') in_text = 0; continue; }
      if (c == '"') in_text = 1;
      else if (c == '{') depth++;
      else if (c == '}' && --depth == 0) { end = i + 1; break; }
    }
    append(&echo, session, end);
    append(&echo, "}", 1);
    put_frame(&p->out, TEXT, echo.data, waiting(&echo), 0);
    release(&echo);
  } else if (headed(event, size, "\"response.create\"")) {
    begin_response(p);
  } else if (headed(event, size, "\"response.cancel\"")) {
    p->speaking = 0;
    say(p, "{\"type\":\"response.done\",\"event_id\":\"event_done\",\"response\":{\"id\":"
           "\"resp_load\",\"object\":\"realtime.response\",\"status\":\"cancelled\",\"output\":[],"
           "\"conversation_id\":\"conv_load\"}}");
  } else if (headed(event, size, "\"input_audio_buffer.commit\"")) {
    say(p, "{\"type\":\"input_audio_buffer.committed\",\"event_id\":\"event_committed\","
           "\"item_id\":\"item_heard\",\"previous_item_id\":null}");
  }
}

static void on_frames(peer *p) {
  uint8_t *payload;
  size_t size;
  int opcode;
  while (!p->gone && (opcode = take_frame(&p->in, &payload, &size)) >= 0) {
    if (opcode == TEXT) {
      on_event(p, payload, size);
    } else if (opcode == PING) {
      put_frame(&p->out, PONG, payload, size, 0);
    } else if (opcode == CLOSE) {
      put_frame(&p->out, CLOSE, payload, size, 0);
      flush(p);
      leave(p);
    }
  }
}

/* -- the handshake and the control request ------------------------------------------------- */

static double asked(const char *query, const char *name, double otherwise) {
  char key[32];
  snprintf(key, sizeof key, "%s=", name);
  const char *at = strstr(query, key);
  return at ? atof(at + strlen(key)) : otherwise;
}

static void control(peer *p, char *head) {
  set.size = (size_t)asked(head, "size", (double)set.size);
  set.count = (long)asked(head, "count", (double)set.count);
  set.pace = asked(head, "pace", set.pace);
  set.burst = (long)asked(head, "burst", (double)set.burst);
  set.cycle = (uint64_t)(asked(head, "cycle", (double)set.cycle / 1e6) * 1e6);
  set.sums = (int)asked(head, "sums", set.sums);
  make_delta();
  char body[400], answer[600];
  int size = snprintf(body, sizeof body,
      "{\"sessions\":%ld,\"live\":%ld,\"appends\":%ld,\"append_bytes\":%llu,\"deltas\":%ld,"
      "\"up_sum\":%llu,\"down_sum\":%llu}", seen.sessions, seen.live, seen.appends,
      (unsigned long long)seen.append_bytes, seen.deltas, (unsigned long long)seen.up_sum,
      (unsigned long long)seen.down_sum);
  int all = snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
      "Content-Length: %d\r\nConnection: close\r\n\r\n%s", size, body);
  append(&p->out, answer, (size_t)all);
  flush(p);
  leave(p);
}

/* SHA-1 (RFC 3174) of the key and the GUID, in base64: what a handshake is answered with. */
static void accept_key(const char *key, size_t length, char out[29]) {
  uint8_t block[128] = {0};
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  size_t size = length + sizeof guid - 1, total = size + 9 > 64 ? 128 : 64;
  memcpy(block, key, length);
  memcpy(block + length, guid, sizeof guid - 1);
  block[size] = 0x80;
  for (int i = 0; i < 8; i++) block[total - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> 8 * i);
  uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
#define ROL(x, n) ((x) << (n) | (x) >> (32 - (n)))
  for (size_t at = 0; at < total; at += 64) {
    uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    for (int i = 0; i < 16; i++)
      w[i] = (uint32_t)block[at + 4 * (size_t)i] << 24 | (uint32_t)block[at + 4 * (size_t)i + 1] << 16 |
             (uint32_t)block[at + 4 * (size_t)i + 2] << 8 | block[at + 4 * (size_t)i + 3];
    for (int i = 16; i < 80; i++) w[i] = ROL(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
      uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 ? b ^ c ^ d
                 : i < 60 ? (b & c) | (b & d) | (c & d) : b ^ c ^ d;
      uint32_t k = i < 20 ? 0x5A827999 : i < 40 ? 0x6ED9EBA1 : i < 60 ? 0x8F1BBCDC : 0xCA62C1D6;
      uint32_t t = ROL(a, 5) + f + e + k + w[i];
      e = d; d = c; c = ROL(b, 30); b = a; a = t;
    }
    h[0] += a; h[1] += b; h[2] += c; h[3] += d; h[4] += e;
  }
  uint8_t sum[21] = {0};
  for (int i = 0; i < 20; i++) sum[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
  static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 7; i++) {
    uint32_t v = (uint32_t)sum[3 * i] << 16 | (uint32_t)sum[3 * i + 1] << 8 | sum[3 * i + 2];
    for (int j = 0; j < 4; j++) out[4 * i + j] = b64[v >> (18 - 6 * j) & 63];
  }
  out[27] = '=';
  out[28] = 0;
}

static void on_head(peer *p) {
  uint8_t *end = waiting(&p->in) ? memmem(p->in.data + p->in.from, waiting(&p->in), "\r\n\r\n", 4) : NULL;
  if (!end) return;
  char *head = (char *)p->in.data + p->in.from;
  *end = 0;
  if (!strncmp(head, "GET /control", 12)) { control(p, head); return; }
  char *key = strcasestr(head, "\r\nsec-websocket-key:");
  if (!key) { leave(p); return; }
  key += strlen("\r\nsec-websocket-key:");
  while (*key == ' ') key++;
  char answer[300], accepted[29];
  accept_key(key, strcspn(key, "\r"), accepted);
  char *protocol = strcasestr(head, "\r\nsec-websocket-protocol:");
  int size = snprintf(answer, sizeof answer,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: %s\r\n%s\r\n", accepted,
      protocol ? "Sec-WebSocket-Protocol: realtime\r\n" : "");
  p->in.from = (size_t)(end + 4 - p->in.data);
  append(&p->out, answer, (size_t)size);
  p->open = 1;
  seen.sessions++;
  seen.live++;
  say(p, "{\"type\":\"session.created\",\"event_id\":\"event_hello\",\"session\":{\"id\":"
         "\"sess_load\",\"object\":\"realtime.session\",\"model\":\"load\",\"modalities\":"
         "[\"audio\",\"text\"],\"voice\":\"alloy\",\"instructions\":\"\",\"tools\":[]}}");
}

static void on_readable(peer *p) {
  static uint8_t chunk[256 * 1024];
  ssize_t got = recv(p->socket, chunk, sizeof chunk, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) { leave(p); return; }
  append(&p->in, chunk, (size_t)got);
  if (!p->open) on_head(p);
  if (!p->gone && p->open) on_frames(p);
  if (!p->gone) flush(p);
}

static void on_accept(void) {
  for (int socket; (socket = accept4(accept_socket, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    no_delay(socket);
    peer *p = calloc(1, sizeof *p);
    if (!p) die("memory");
    p->socket = socket;
    p->after = peers;
    if (peers) peers->before = p;
    peers = p;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
    epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &e);
  }
}

/* Says what is due; returns how long the loop may sleep, in nanoseconds. Frees who has left. */
static uint64_t speak(void) {
  uint64_t now = now_ns(), soonest = now + 20000000;
  double audio_ns = (double)set.size * 3 / 4 / 48 * 1e6; /* pcm16 at 24 kHz: 48 bytes a millisecond */
  uint64_t step = set.pace > 0 ? (uint64_t)(audio_ns / set.pace) : 0;
  for (peer *p = peers, *after; p; p = after) {
    after = p->after;
    if (p->gone) {
      if (p->before) p->before->after = p->after; else peers = p->after;
      if (p->after) p->after->before = p->before;
      release(&p->in);
      release(&p->out);
      free(p);
      continue;
    }
    if (!p->speaking) continue;
    while (p->next <= now && waiting(&p->out) < HIGH_WATER) {
      say_delta(p);
      put_stamp(small + small_stamp, now_ns());
      put_frame(&p->out, TEXT, small, small_size, 0);
      flush(p);
      if (++p->in_burst < set.burst) { p->next += step; continue; }
      p->in_burst = 0;
      uint64_t said = step * (uint64_t)(set.burst - 1);
      p->next += set.cycle > said ? set.cycle - said : step;
    }
    if (p->next <= now) p->next = now + step; /* a reader that is behind gets no more */
    if (p->next < soonest) soonest = p->next;
  }
  now = now_ns();
  return soonest > now ? soonest - now : 0;
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  make_delta();
  epoll = epoll_create1(0);
  accept_socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  if (bind(accept_socket, (void *)&here, sizeof here) || listen(accept_socket, 4096)) die("listen");
  getsockname(accept_socket, (void *)&here, &size);
  printf("{\"port\": %d}\n", ntohs(here.sin_port));
  fflush(stdout);
  struct epoll_event at_door = {.events = EPOLLIN, .data.ptr = &accept_socket};
  struct epoll_event at_stdin = {.events = EPOLLIN, .data.ptr = &epoll};
  epoll_ctl(epoll, EPOLL_CTL_ADD, accept_socket, &at_door);
  epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &at_stdin);
  struct epoll_event ready[EVENTS];
  for (;;) {
    uint64_t rest = speak();
    struct timespec wait = {(time_t)(rest / 1000000000ull), (long)(rest % 1000000000ull)};
    int count = epoll_pwait2(epoll, ready, EVENTS, &wait, NULL);
    for (int i = 0; i < count; i++) {
      if (ready[i].data.ptr == &accept_socket) { on_accept(); continue; }
      if (ready[i].data.ptr == &epoll) {
        char line[64];
        if (read(0, line, sizeof line) <= 0) return 0;
        continue;
      }
      peer *p = ready[i].data.ptr;
      if (p->gone) continue;
      if (ready[i].events & EPOLLOUT) flush(p);
      if (!p->gone && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(p);
    }
  }
}
