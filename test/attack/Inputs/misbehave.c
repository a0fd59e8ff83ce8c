// misbehave.c - native code in a worker that does not let go of a request, in the way that the report's first number
// says: spins or sleeps with all signals blocked, or talks to the front (tools/node/channel.h) by the worker's own
// channel.
#include "native.h"

#include <asm/unistd.h>
#include <stdbool.h>

enum { kChannel = 3, kDontWait = 0x40, kIn = 1, kOut = 4 };
enum {
  kRequest = 1,
  kCancel = 4,
  kPing = 6,
  kReady,
  kConsumed,
  kResponse,
  kEnd,
  kPong = 12,
  kLog,
  kOnward,
  kAnswerTaken
};  // enum Frame
enum {
  SPIN = 1,
  SLEEP,
  ANSWER,
  READY,
  CONSUMED,
  PONG,
  EMPTY,
  STREAM,
  FLOOD,
  LINGER,
  LOG,
  LINES,
  BAD_LOG,
  FRAMES,
  GO_ON,
  TALK_ON,
  ALL_GO_ON,
  ONWARD,
  TAKEN
};

struct frame {
  uint32_t size, id, type, value;
  char payload[64];
};

static void wait_for(int events) {
  uint64_t poll[1] = {(uint64_t)kChannel | (uint64_t)events << 32};
  CALL(__NR_poll, poll, 1, -1);
}

static void transfer(long call, int events, void* bytes, long size) {
  for (long done = 0; done < size;) {
    long n = CALL(call, kChannel, (char*)bytes + done, size - done, kDontWait, 0, 0);
    if (n == 0) CALL(__NR_exit_group, 1);
    if (n > 0)
      done += n;
    else
      wait_for(events);
  }
}

static void send_frame(uint32_t type, uint32_t id, uint32_t value, const char* payload) {
  struct frame frame = {0, id, type, value, {0}};
  for (; payload[frame.size] != 0; ++frame.size) frame.payload[frame.size] = payload[frame.size];
  transfer(__NR_sendto, kOut, &frame, 16 + frame.size);
}

// Until its client has left it is a response like any other; then it goes on, as fast as it can. Some of that may have
// been under way, so that none of it is wrong by itself.
static void stream(bool small) {
  struct frame head;
  send_frame(kResponse, 1, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  do transfer(__NR_recvfrom, kIn, &head, 16);
  while (head.type != kCancel);
  struct {
    struct frame frame;
    char more[4096];
  } large = {.frame = {sizeof large - 16, 1, kResponse, 0, {0}}};
  while (small) send_frame(kResponse, 1, 0, "x");
  for (;;) transfer(__NR_sendto, kOut, &large, sizeof large);
}

static void end(uint32_t id, bool goes_on) {
  uint64_t frame[6] = {(uint64_t)id << 32 | 32, (uint64_t)goes_on << 32 | kEnd, 0, 0, 0, 0};
  send_frame(kResponse, id, 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  transfer(__NR_sendto, kOut, frame, sizeof frame);
}

// Ends its request as it should, and then nothing.
static void linger(bool goes_on) {
  end(1, goes_on);
  for (;;) wait_for(0);
}

// Answers every request, and ends none.
static void all_go_on(void) {
  end(1, true);
  for (;;) {
    struct frame head;
    transfer(__NR_recvfrom, kIn, &head, 16);
    char byte;
    for (uint32_t i = 0; i < head.size; ++i) transfer(__NR_recvfrom, kIn, &byte, 1);
    if (head.type == kRequest) end(head.id, true);
  }
}

// One line without end, or nothing but ends of lines.
static void fill_log(char with) {
  char text[4096];
  for (unsigned i = 0; i < sizeof text; ++i) text[i] = with;
  uint64_t poll[1] = {2 | (uint64_t)kOut << 32};
  for (;;)
    if (CALL(__NR_write, 2, text, sizeof text) < 0) CALL(__NR_poll, poll, 1, -1);
}

// The same to the front.
static void fill_log_frames(void) {
  struct {
    struct frame frame;
    char more[32768];
  } large;
  large.frame.size = sizeof large - 16;
  large.frame.id = 1;
  large.frame.type = kLog;
  large.frame.value = 0;
  uint32_t entry[2] = {sizeof large - 24, 2};
  char* at = (char*)&large + 16;
  for (unsigned i = 0; i < sizeof entry; ++i) at[i] = ((char*)entry)[i];
  for (unsigned i = 8; i < sizeof large - 16; ++i) at[i] = '\n';
  for (;;) transfer(__NR_sendto, kOut, &large, sizeof large);
}

// Says so first, in the log.
static void answer(void) {
  CALL(__NR_write, 2, "answers\n", 8);
  for (;;) {
    struct frame head;
    transfer(__NR_recvfrom, kIn, &head, 16);
    if (head.type == kPing) send_frame(kPong, 0, 0, "");
  }
}

static void attack(int phase, struct report* r) {
  if (phase != PHASE_REQUEST || r->numbers[0] == 0) return;
  uint64_t all[1] = {~0ull}, second[2] = {1, 0};
  CALL(__NR_rt_sigprocmask, 0, all, 0, 8);
  for (;;) {
    switch (r->numbers[0]) {
      case SPIN:
        break;
      case SLEEP:
        CALL(__NR_clock_nanosleep, 1, 0, second, 0);
        break;
      case ANSWER:
        answer();
        break;
      case READY:
        send_frame(kReady, 0, 0, "");
        break;
      case CONSUMED:
        send_frame(kConsumed, 1, 1, "");
        break;
      case PONG:
        send_frame(kPong, 0, 0, "");
        break;
      case EMPTY:
        send_frame(kResponse, 1, 0, "");
        break;
      case STREAM:
        stream(true);
        break;
      case FLOOD:
        stream(false);
        break;
      case LINGER:
        linger(false);
        break;
      case LOG:
        fill_log('x');
        break;
      case LINES:
        fill_log('\n');
        break;
      case BAD_LOG:
        send_frame(kLog, 1, 0, "more than this");
        break;
      case FRAMES:
        fill_log_frames();
        break;
      case GO_ON:
        linger(true);
        break;
      case TALK_ON:
        end(1, true);
        send_frame(kResponse, 1, 0, "more");
        break;
      case ALL_GO_ON:
        all_go_on();
        break;
      case ONWARD:
        send_frame(kOnward, 1, 0, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        break;
      case TAKEN:
        send_frame(kAnswerTaken, 1, 1, "");
        break;
    }
  }
}
