/* go_peer.c - tells a Go program whom its connection comes from.
 *
 * Preview 1 cannot say it, so that Go's net package gives every connection a zero net.TCPAddr, whose text, ":0", an
 * http.Server takes when it accepts: Request.RemoteAddr. Where connections are accepted ahead (accept_ahead.c) both lie
 * in the image, each at a place of its own. They are found when the image is made, and each instance gets its client's
 * address before it begins.
 *
 *   net.netFD    ..., net string "tcp", laddr, raddr net.Addr    both interfaces are *net.TCPAddr, 48 bytes of zeros;
 *                                                                 it begins with its poll.FD, 16 bytes before Sysfd
 *   http.conn    ..., rwc net.Conn, remoteAddr string ":0", ...  rwc is *net.TCPConn, which is a *net.netFD
 *
 * Nothing is written unless the first is there exactly once, with the descriptor that was accepted, nor the second
 * unless it leads to the first, likewise. The bytes that both refer to are put below Go's data, where its linker leaves
 * 8 KiB for another port's arguments, and its garbage collector sees no heap.
 *
 * Seen to be so with Go 1.21, 1.24, 1.26 and 1.27. Source: net/fd_wasip1.go, net/http/server.go,
 * cmd/link/internal/ld/data.go (wasmMinDataAddr).
 */
#define _GNU_SOURCE
#include <string.h>

#include "core/state.h"
#include "wasi_state.h"

enum {
  kText = 4096, /* where the bytes are put: an address, then its text */
  kTextSize = 16 + 64,
  kTcpAddr = 48,   /* bytes: IP []byte, Port int, Zone string */
  kPort = 24,      /* offset of Port */
  kSysfd = 16,     /* offset in poll.FD, which begins a netFD */
  kMaxNetFd = 256, /* bytes of a netFD up to its addresses, at most */
  kMaxTries = 64
};

/* Linear memory as 64-bit words. */
struct words {
  const uint8_t* memory;
  uint64_t size;
};

static uint64_t word(const struct words* w, uint64_t address) {
  uint64_t value;
  memcpy(&value, w->memory + address, sizeof(value));
  return value;
}

static bool has(const struct words* w, uint64_t address, uint64_t size) {
  return address >= kText && address < w->size && size <= w->size - address;
}

static bool zeros(const struct words* w, uint64_t address, uint64_t size) {
  static const uint8_t kZeros[kTextSize > kTcpAddr ? kTextSize : kTcpAddr];
  return has(w, address, size) && memcmp(w->memory + address, kZeros, size) == 0;
}

/* Whether the string header at `at` is of this text. */
static bool is_text(const struct words* w, uint64_t at, const char* text) {
  uint64_t size = strlen(text), begin = word(w, at);
  return word(w, at + 8) == size && has(w, begin, size) && memcmp(w->memory + begin, text, size) == 0;
}

/* Whether at `at` are two interfaces of one type, each with a TCPAddr that was never set. */
static bool are_addresses(const struct words* w, uint64_t at) {
  uint64_t type = word(w, at), local = word(w, at + 8), remote = word(w, at + 24);
  return type != 0 && type == word(w, at + 16) && local != remote && zeros(w, local, kTcpAddr) &&
         zeros(w, remote, kTcpAddr);
}

/* Addresses of the netFD of descriptor `fd` and of its remote TCPAddr. */
static bool find_net_fd(const struct words* w, uint32_t fd, uint64_t* net_fd, uint64_t* remote) {
  uint32_t found = 0, tries = 0;
  for (uint64_t at = kText + kMaxNetFd; at + 32 <= w->size; at += 8) {
    if (word(w, at - 8) != 3 || !is_text(w, at - 16, "tcp") || !are_addresses(w, at)) continue;
    for (uint64_t begin = at - kMaxNetFd; begin + kSysfd + 24 < at; begin += 8) {
      if (word(w, begin + kSysfd) != fd) continue;
      uint8_t pointer[8];
      memcpy(pointer, &begin, sizeof(pointer));
      /* A hostile program can make it look so any number of times. */
      if (++tries > kMaxTries) return false;
      /* A TCPConn holds nothing but the pointer. */
      if (memmem(w->memory + kText, w->size - kText, pointer, sizeof(pointer)) == NULL) continue;
      *net_fd = begin;
      *remote = word(w, at + 24);
      ++found;
    }
  }
  return found == 1;
}

/* Address of the string remoteAddr in the http.conn of this netFD; 0 when it is not there once. */
static uint64_t find_remote_text(const struct words* w, uint64_t net_fd) {
  uint64_t found = 0;
  for (uint64_t at = kText + 16; at + 16 <= w->size; at += 8) {
    uint64_t connection = word(w, at - 8);
    if (word(w, at + 8) != 2 || connection % 8 != 0 || !has(w, connection, 8) || word(w, connection) != net_fd ||
        word(w, at - 16) == 0 || !is_text(w, at, ":0"))
      continue;
    if (found != 0) return 0;
    found = at;
  }
  return found;
}

void aotc_go_peer_find(const struct aotc_instance* instance, const struct aotc_wasi* wasi,
                       struct aotc_go_peer* places) {
  const struct words w = {aotc_base(instance), aotc_tail(instance)->memory_size};
  *places = (struct aotc_go_peer){0};
  uint32_t fd = 0;
  while (fd < wasi->fd_count && wasi->fds[fd].kind != AOTC_WASI_CONNECTION) ++fd;
  uint64_t net_fd, remote;
  if (fd == wasi->fd_count || !zeros(&w, kText, kTextSize) || !find_net_fd(&w, fd, &net_fd, &remote)) return;
  places->address = (uint32_t)remote;
  places->text = (uint32_t)find_remote_text(&w, net_fd);
}

static void put(uint8_t* at, uint64_t pointer, uint64_t length) {
  memcpy(at, &pointer, 8);
  memcpy(at + 8, &length, 8);
}

void aotc_slot_set_peer(struct aotc_slot* slot, const struct aotc_peer* peer) {
  static const uint8_t kV4[12] = {[10] = 0xff, [11] = 0xff};
  struct aotc_wasi* wasi = (struct aotc_wasi*)slot->hosts.list[0];
  wasi->edge.asker = *peer;
  const struct aotc_go_peer* places = wasi->start == NULL ? NULL : &wasi->start->peer;
  if (places == NULL || places->address == 0) return;
  uint8_t* bytes = aotc_instance_memory_at(slot->instance, kText, kTextSize);
  uint8_t* address = aotc_instance_memory_at(slot->instance, places->address, kTcpAddr);
  uint8_t* text = aotc_instance_memory_at(slot->instance, places->text, 16);
  if (bytes == NULL || address == NULL || text == NULL) return;
  aotc_note_thread(slot->instance);
  bool v4 = memcmp(peer->address, kV4, sizeof(kV4)) == 0;
  uint32_t skipped = v4 ? sizeof(kV4) : 0;
  memcpy(bytes, peer->address, 16);
  put(address, kText + skipped, 16 - skipped); /* IP: pointer, length, */
  uint64_t capacity = 16 - skipped, port = peer->port;
  memcpy(address + 16, &capacity, 8); /* and capacity */
  memcpy(address + kPort, &port, 8);
  if (places->text == 0) return;
  uint64_t size = peer->text_size < sizeof(peer->text) ? peer->text_size : sizeof(peer->text);
  memcpy(bytes + 16, peer->text, size);
  put(text, kText + 16, size);
}
