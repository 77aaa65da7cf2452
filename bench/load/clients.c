/* Many clients of a realtime relay, or of the upstream directly: one thread, one epoll loop.
 *
 *   clients --port P --mode M --sessions N [--path /ws] [--header 'Name: value']...
 *           [--seconds S] [--count C] [--at-once K] [--audio-size B] [--upset N]
 *
 * A session is open once `session.created` has come. All open: prints READY and waits for a line.
 * Then by mode, until done: prints DONE, waits for a line, closes and prints nothing more.
 *   idle    nothing, for S seconds
 *   voice   an append every 100 ms and one response, for S seconds
 *   down    one response; done when `response.done` has come
 *   up      C appends and a commit as fast as the socket takes them; done when it is answered
 *   churn   opens and closes N sessions, K at a time; READY is at once, DONE at the end
 *   stall   as voice, but the first --upset sessions ask for a response and never read
 *   flood   as voice, but the first --upset sessions send tiny events without end
 * Lines are JSON behind their word. Latencies, in microseconds, are those of stamped audio deltas.
 * '%d' in a header becomes the session's number, so that each has a user of its own.
 */
#include "ws.h"
#include <poll.h>

#define EVENTS 256
#define APPEND_NS 100000000ull
#define MOST_LATENCIES (1 << 21)

typedef enum { IDLE, VOICE, DOWN, UP, CHURN, STALL, FLOOD } mode;
typedef enum { NEW, GREETING, WAITING, OPEN_, FINISHED, GONE } stage;

typedef struct {
  int socket, number, writing, deaf, upset;
  stage at;
  buffer in, out;
  long to_send;
  uint64_t began, next;
} client;

static const char *path = "/ws", *mode_name = "idle", *headers[16];
static int port, sessions = 1, at_once = 50, header_count, upset;
static long count = 1000;
static double seconds = 5;
static size_t audio_size = 6400;
static mode how;

static int epoll, started, opened, refused, gone, lost, finished, live, going;
static client *clients;
static long messages, audio, small, errors;
static uint64_t bytes, down_sum, up_sum, went, last;
static uint32_t *latencies, *openings;
static size_t latency_count, opening_count;
static char trouble[200];
static char *append_text;
static size_t append_text_size;
static uint64_t append_sum;

static void make_append(void) {
  static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
  append_text_size = sizeof head - 1 + audio_size + 2;
  if (!(append_text = malloc(append_text_size))) die("memory");
  memcpy(append_text, head, sizeof head - 1);
  fill_audio(append_text + sizeof head - 1, audio_size);
  memcpy(append_text + append_text_size - 2, "\"}", 2);
  append_sum = sum_of((uint8_t *)append_text, append_text_size, "\"audio\":\"");
}

static void note(const char *text, size_t size) {
  if (trouble[0]) return;
  snprintf(trouble, sizeof trouble, "%.*s", (int)(size < 180 ? size : 180), text);
  for (char *p = trouble; *p; p++) if (*p == '"' || *p == '\\' || *p < 32) *p = '\'';
}

static void watch(client *c, int writing) {
  struct epoll_event e = {.events = (c->deaf ? 0 : EPOLLIN) | (writing ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_MOD, c->socket, &e);
  c->writing = writing;
}

static void leave(client *c, const char *why) {
  if (c->at == GONE) return;
  if (why) { lost++; note(why, strlen(why)); }
  if (c->at < OPEN_) refused++;
  gone++;
  if (c->at == OPEN_ || c->at == FINISHED) live--;
  if (c->at == OPEN_ && !c->upset && going) finished++;
  c->at = GONE;
  close(c->socket);
  release(&c->in);
  release(&c->out);
}

static void put_append(client *c) {
  put_frame(&c->out, TEXT, append_text, append_text_size, 1);
  up_sum += append_sum;
}

static void put_text(client *c, const char *text) { put_frame(&c->out, TEXT, text, strlen(text), 1); }

static void flush(client *c) {
  while (c->at != GONE) {
    while (c->to_send > 0 && waiting(&c->out) < 256 * 1024) {
      if (how == FLOOD) put_text(c, "{\"type\":\"x\"}");
      else put_append(c);
      if (how != FLOOD && --c->to_send == 0) put_text(c, "{\"type\":\"input_audio_buffer.commit\"}");
    }
    if (!waiting(&c->out)) break;
    ssize_t sent = send(c->socket, c->out.data + c->out.from, waiting(&c->out), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno != EAGAIN) leave(c, c->upset ? NULL : "send failed");
      else if (!c->writing) watch(c, 1);
      return;
    }
    c->out.from += (size_t)sent;
    if (how == FLOOD && c->upset) break; /* let the others have their turn */
  }
  if (c->at != GONE && c->writing != (c->to_send > 0)) watch(c, c->to_send > 0);
}

static void start(client *c) {
  c->began = now_ns();
  c->at = GREETING;
  c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (c->socket < 0) die("socket");
  no_delay(c->socket);
  struct sockaddr_in there = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(c->socket, (void *)&there, sizeof there) && errno != EINPROGRESS) die("connect");
  char request[2048];
  int size = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", path, port);
  for (int i = 0; i < header_count; i++) {
    size += snprintf(request + size, sizeof request - (size_t)size, headers[i], c->number);
    size += snprintf(request + size, sizeof request - (size_t)size, "\r\n");
  }
  append(&c->out, request, (size_t)size);
  append(&c->out, "\r\n", 2);
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->socket, &e);
  c->writing = 1;
}

static void finish(client *c) {
  if (c->at != OPEN_) return;
  c->at = FINISHED;
  finished++;
  last = now_ns();
}

static void is_open(client *c) {
  c->at = OPEN_;
  opened++;
  live++;
  openings[opening_count++] = (uint32_t)((now_ns() - c->began) / 1000);
  if (how != CHURN) return;
  put_frame(&c->out, CLOSE, "\x03\xe8", 2, 1);
  flush(c);
}

static void on_event(client *c, const uint8_t *event, size_t size) {
  if (c->at == WAITING) {
    if (headed(event, size, "\"session.created\"")) is_open(c);
    else if (headed(event, size, "\"error\"")) note((const char *)event, size);
    return;
  }
  if (!going || c->upset) return;
  messages++;
  bytes += size;
  if (headed(event, size, "audio.delta\"")) {
    audio++;
    uint64_t then = stamped(event, size);
    if (then && latency_count < MOST_LATENCIES)
      latencies[latency_count++] = (uint32_t)((now_ns() - then) / 1000);
    if (how == DOWN) down_sum += sum_of(event, size, "\"delta\":\"");
  } else if (headed(event, size, "transcript.delta\"")) {
    small++;
  } else if (headed(event, size, "\"response.done\"") ||
             headed(event, size, "\"input_audio_buffer.committed\"")) {
    finish(c);
  } else if (headed(event, size, "\"error\"")) {
    errors++;
    note((const char *)event, size);
  }
}

static void on_frames(client *c) {
  uint8_t *payload;
  size_t size;
  int opcode;
  while (c->at != GONE && (opcode = take_frame(&c->in, &payload, &size)) >= 0) {
    if (opcode == TEXT) on_event(c, payload, size);
    else if (opcode == PING) put_frame(&c->out, PONG, payload, size, 1);
    else if (opcode == CLOSE) {
      char why[160] = "";
      if (how != CHURN && !c->upset)
        snprintf(why, sizeof why, "closed: %.*s", (int)(size > 2 ? size - 2 : 0), payload + 2);
      put_frame(&c->out, CLOSE, payload, size < 2 ? 0 : 2, 1);
      flush(c);
      leave(c, why[0] ? why : NULL);
    }
  }
  if (c->at != GONE) flush(c);
}

static void on_readable(client *c) {
  static uint8_t chunk[256 * 1024];
  ssize_t got = recv(c->socket, chunk, sizeof chunk, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    int fine = how == CHURN && c->at == OPEN_;
    leave(c, fine || c->upset ? NULL : "the connection ended");
    return;
  }
  append(&c->in, chunk, (size_t)got);
  if (c->at == GREETING) {
    uint8_t *end = memmem(c->in.data + c->in.from, waiting(&c->in), "\r\n\r\n", 4);
    if (!end) return;
    char *head = (char *)c->in.data + c->in.from;
    if (strncmp(head, "HTTP/1.1 101", 12)) {
      note(head, strcspn(head, "\r"));
      leave(c, "refused");
      return;
    }
    c->in.from = (size_t)(end + 4 - c->in.data);
    c->at = WAITING;
  }
  on_frames(c);
}

static int by_size(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

static void print_latencies(const char *name, uint32_t *of, size_t n) {
  qsort(of, n, sizeof *of, by_size);
#define AT(share) (n ? of[(size_t)((double)(n - 1) * (share))] : 0)
  printf("\"%s\":{\"n\":%zu,\"p50\":%u,\"p90\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u}", name, n,
         AT(.5), AT(.9), AT(.99), AT(.999), AT(1.));
}

static void report(const char *word, uint64_t until) {
  printf("%s {\"opened\":%d,\"lost\":%d,\"finished\":%d,\"live\":%d,\"seconds\":%.4f,"
         "\"messages\":%ld,\"audio\":%ld,\"small\":%ld,\"bytes\":%llu,\"errors\":%ld,"
         "\"down_sum\":%llu,\"up_sum\":%llu,\"trouble\":\"%s\",", word, opened, lost, finished, live,
         going ? (double)(until - went) / 1e9 : 0, messages, audio, small,
         (unsigned long long)bytes, errors, (unsigned long long)down_sum,
         (unsigned long long)up_sum, trouble);
  print_latencies("delta_us", latencies, latency_count);
  printf(",");
  print_latencies("opening_us", openings, opening_count);
  printf("}\n");
  fflush(stdout);
}

static void serve_events(int wait_ms) {
  struct epoll_event ready[EVENTS];
  int got = epoll_wait(epoll, ready, EVENTS, wait_ms);
  for (int i = 0; i < got; i++) {
    client *c = ready[i].data.ptr;
    if (c->at == GONE) continue;
    if (ready[i].events & EPOLLOUT) flush(c);
    if (c->at != GONE && !c->deaf && ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(c);
    else if (c->at != GONE && c->deaf && ready[i].events & (EPOLLHUP | EPOLLERR)) leave(c, NULL);
  }
}

/* Serves pings and late events until the driver says go on; 0 where it has gone. */
static int wait_for_line(void) {
  struct pollfd from[2] = {{0, POLLIN, 0}, {epoll, POLLIN, 0}};
  for (;;) {
    poll(from, 2, 1000);
    if (from[1].revents) serve_events(0);
    if (from[0].revents) {
      char line[64];
      return read(0, line, sizeof line) > 0;
    }
  }
}

static void go(void) {
  going = 1;
  went = last = now_ns();
  for (int i = 0; i < sessions; i++) {
    client *c = &clients[i];
    if (c->at == GONE) continue;
    c->upset = i < upset;
    if (how == DOWN || how == VOICE || how == STALL || how == FLOOD)
      put_text(c, "{\"type\":\"response.create\"}");
    if (how == UP) c->to_send = count;
    if (how == FLOOD && c->upset) c->to_send = 1;
    if (how == STALL && c->upset) { c->deaf = 1; watch(c, 1); }
    c->next = went + (uint64_t)(i * 7919 % 1000) * APPEND_NS / 1000;
    flush(c);
  }
}

/* Sends the appends that are due; returns for how many milliseconds there is none. */
static int talk(uint64_t now) {
  uint64_t soonest = now + 20000000;
  for (int i = 0; i < sessions; i++) {
    client *c = &clients[i];
    if (c->at != OPEN_ || c->upset) continue;
    for (; c->next <= now; c->next += APPEND_NS) { put_append(c); flush(c); if (c->at != OPEN_) break; }
    if (c->at == OPEN_ && c->next < soonest) soonest = c->next;
  }
  now = now_ns();
  return soonest > now ? (int)((soonest - now) / 1000000) : 0;
}

static void run(void) {
  uint64_t until = went + (uint64_t)(seconds * 1e9);
  uint64_t at_latest = went + (uint64_t)((seconds + 60) * 1e9);
  int talking = how == VOICE || how == STALL || how == FLOOD;
  while (talking || how == IDLE ? now_ns() < until : finished < opened && now_ns() < at_latest)
    serve_events(talking ? talk(now_ns()) : 20);
  if (talking || how == IDLE) last = now_ns();
}

static void open_all(void) {
  uint64_t at_latest = now_ns() + 120000000000ull;
  for (;;) {
    int settled = how == CHURN ? gone : opened + refused;
    if (settled >= sessions || now_ns() > at_latest) return;
    while (started < sessions && started - settled < at_once) start(&clients[started++]);
    serve_events(20);
  }
}

static void read_arguments(int count_of, char **given) {
  static const char *names[] = {"idle", "voice", "down", "up", "churn", "stall", "flood"};
  for (int i = 1; i < count_of; i += 2) {
    const char *name = given[i], *value = i + 1 < count_of ? given[i + 1] : NULL;
    if (!value) { fprintf(stderr, "%s needs a value\n", name); exit(2); }
    if (!strcmp(name, "--port")) port = atoi(value);
    else if (!strcmp(name, "--path")) path = value;
    else if (!strcmp(name, "--mode")) mode_name = value;
    else if (!strcmp(name, "--sessions")) sessions = atoi(value);
    else if (!strcmp(name, "--at-once")) at_once = atoi(value);
    else if (!strcmp(name, "--count")) count = atol(value);
    else if (!strcmp(name, "--seconds")) seconds = atof(value);
    else if (!strcmp(name, "--audio-size")) audio_size = (size_t)atol(value);
    else if (!strcmp(name, "--upset")) upset = atoi(value);
    else if (!strcmp(name, "--header") && header_count < 16) headers[header_count++] = value;
    else { fprintf(stderr, "unknown argument %s\n", name); exit(2); }
  }
  for (how = IDLE; how <= FLOOD; how++) if (!strcmp(names[how], mode_name)) return;
  fprintf(stderr, "unknown mode %s\n", mode_name);
  exit(2);
}

int main(int count_of, char **given) {
  read_arguments(count_of, given);
  signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  make_append();
  clients = calloc((size_t)sessions, sizeof *clients);
  openings = calloc((size_t)sessions, sizeof *openings);
  latencies = calloc(MOST_LATENCIES, sizeof *latencies);
  if (!clients || !openings || !latencies) die("memory");
  for (int i = 0; i < sessions; i++) clients[i].number = i;
  epoll = epoll_create1(0);
  if (how != CHURN) open_all();
  report("READY", 0);
  if (!wait_for_line()) return 0;
  if (how == CHURN) {
    going = 1;
    went = now_ns();
    open_all();
    last = now_ns();
  } else {
    go();
    run();
  }
  report("DONE", last);
  if (!wait_for_line()) return 0;
  for (int i = 0; i < sessions; i++) {
    if (clients[i].at == GONE || clients[i].at == NEW) continue;
    put_frame(&clients[i].out, CLOSE, "\x03\xe8", 2, 1);
    flush(&clients[i]);
  }
  uint64_t until = now_ns() + 1000000000ull;
  while (gone < started && now_ns() < until) serve_events(20);
  return 0;
}
