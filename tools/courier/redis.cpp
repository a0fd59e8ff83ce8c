// redis.cpp - Redis, one server or a cluster: GET and SET, as many under way as there are. hiredis writes commands and
// reads replies; libcurl connects, with or without TLS (Debian's hiredis has none), and carries bytes.
//
// Values are under "aotc:f1:" and the key. Where a cluster keeps which key is learned when it first says that one is
// elsewhere, all at once (CLUSTER SLOTS), or, if we may not ask that, key by key.
#include <hiredis/hiredis.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <vector>

#include "byte_queue.h"
#include "cache/courier_channel.h"
#include "redis_words.h"
#include "remote.h"
#include "support/redis_command.h"
#include "transfer.h"

namespace aotc {

namespace {

constexpr std::string_view kPrefix = "aotc:f1:";
constexpr size_t kMostNodes = 128;
constexpr int kMostHops = 5;
// hiredis moves all that it has with each reply that it takes.
constexpr size_t kPart = 16 << 10;
// What a reply can be before it is read to its end: a value, or where all slots are, a list of which each part takes
// more than its bytes.
constexpr size_t kMostReply = kMostCourierValue + (1 << 20), kMostList = 1 << 20;

enum class Ask { Login, Asking, Slots, Get, Put, Size, Memory };

struct Request {
  Ask ask;
  uint32_t number = 0;
  std::string key, value;
  int hops = 0;
};

using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

std::string_view text_of(const redisReply& reply) { return {reply.str, reply.str == nullptr ? 0 : reply.len}; }

// As redis_command() would: hiredis takes longer for its numbers than all else takes that is done with a key.
void write_get(ByteQueue& out, std::string_view key) {
  out.add("*2\r\n$3\r\nGET\r\n$" + std::to_string(key.size()) + "\r\n");
  out.add(key);
  out.add("\r\n");
}

struct Node {
  explicit Node(std::string authority) : authority(std::move(authority)) {}
  std::string authority;
  char failure[CURL_ERROR_SIZE] = {};
  Transfer transfer{nullptr, curl_easy_cleanup};
  curl_socket_t socket = CURL_SOCKET_BAD;
  std::unique_ptr<redisReader, void (*)(redisReader*)> reader{redisReaderCreate(), redisReaderFree};
  size_t unread = 0;  // bytes since the last reply: a list is read as it comes
  ByteQueue out;
  std::deque<Request> waiting;

  void write(const std::vector<std::string_view>& words) { out.add(redis_command(words)); }

  bool send_waiting(std::string& error) {
    while (!out.empty()) {
      size_t count = 0;
      CURLcode code = curl_easy_send(transfer.get(), out.waiting().data(), out.waiting().size(), &count);
      if (code == CURLE_AGAIN) break;
      if (code != CURLE_OK) return error = transfer_failure(code, failure), false;
      out.take(count);
    }
    return true;
  }

  // Some of what has come, to the reader; `count` is 0 when there is nothing.
  bool receive(size_t& count, std::string& error) {
    char part[kPart];
    count = 0;
    CURLcode code = curl_easy_recv(transfer.get(), part, sizeof part, &count);
    if (code == CURLE_AGAIN) return true;
    if (code != CURLE_OK) return error = transfer_failure(code, failure), false;
    if (count == 0) return error = "it has closed the connection", false;
    if (redisReaderFeed(reader.get(), part, count) != REDIS_OK) return error = reader->errstr, false;
    unread += count;
    return true;
  }
};

class Redis : public Remote {
 public:
  Redis(const RemoteOptions& options, Requester& requester)
      : options_(options), requester_(requester), transfers_(options_), slots_(kRedisSlots, 0) {}

  bool start(std::string& error) {
    nodes_.push_back(std::make_unique<Node>(options_.place.authority()));
    return connect(*nodes_.front(), error);
  }

  void get(uint32_t number, const std::string& key) override {
    Request request{Ask::Get, number, std::string(kPrefix) + key, "", 0};
    Node& node = node_of(request.key);
    send(node, std::move(request));
  }

  void put(const std::string& key, std::string value) override {
    Request request{Ask::Put, 0, std::string(kPrefix) + key, std::move(value), 0};
    Node& node = node_of(request.key);
    send(node, std::move(request));
  }

  // Of a cluster, the node of the URL alone.
  void count() override {
    Node& node = *nodes_.front();
    node.write({"DBSIZE"});
    node.waiting.push_back({Ask::Size, 0, "", "", 0});
    node.write({"INFO", "memory"});
    node.waiting.push_back({Ask::Memory, 0, "", "", 0});
    waiting_ += 2;
  }

  size_t waiting() const override { return waiting_; }

  bool step(pollfd& other, int milliseconds, std::string& error) override {
    std::vector<pollfd> events = {other};
    for (const std::unique_ptr<Node>& node : nodes_) {
      if (!node->send_waiting(error)) return false;
      events.push_back({node->socket, static_cast<short>(POLLIN | (node->out.empty() ? 0 : POLLOUT)), 0});
    }
    if (poll(events.data(), events.size(), milliseconds) < 0 && errno != EINTR) return error = "cannot wait", false;
    other.revents = events.front().revents;
    for (size_t i = 1; i < events.size(); ++i)
      if ((events[i].revents & ~POLLOUT) != 0 && !hear(*nodes_[i - 1], error)) return false;
    return true;
  }

 private:
  bool connect(Node& node, std::string& error) {
    node.transfer = transfers_.make(node.failure);
    CURL* easy = node.transfer.get();
    if (easy == nullptr || !node.reader) return error = "out of memory", false;
    std::string url = (options_.place.tls ? "https://" : "http://") + node.authority;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
    CURLcode code = curl_easy_perform(easy);
    if (code == CURLE_OK) code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &node.socket);
    if (code != CURLE_OK) return error = transfer_failure(code, node.failure), false;
    const RemotePlace& place = options_.place;
    const std::string& password = place.password.empty() ? options_.token : place.password;
    if (!password.empty()) {
      std::vector<std::string_view> words = {"AUTH"};
      if (!place.user.empty()) words.push_back(place.user);
      words.push_back(password);
      node.write(words);
      node.waiting.push_back({Ask::Login, 0, "", "", 0});
    }
    if (place.database != 0) {
      node.write({"SELECT", std::to_string(place.database)});
      node.waiting.push_back({Ask::Login, 0, "", "", 0});
    }
    return true;
  }

  Node& node_of(std::string_view key) { return *nodes_[nodes_.size() == 1 ? 0 : slots_[redis_slot(key)]]; }

  void send(Node& node, Request request) {
    if (request.ask == Ask::Get)
      write_get(node.out, request.key);
    else
      node.write({"SET", request.key, request.value});
    waiting_ += request.hops == 0;
    node.waiting.push_back(std::move(request));
  }

  // The node's place in nodes_, connected.
  std::optional<size_t> find_node(const std::string& authority, std::string& error) {
    for (size_t i = 0; i < nodes_.size(); ++i)
      if (nodes_[i]->authority == authority) return i;
    if (nodes_.size() == kMostNodes) return error = "its cluster has too many nodes", std::nullopt;
    auto node = std::make_unique<Node>(authority);
    if (!connect(*node, error)) return error = "its node " + authority + ": " + error, std::nullopt;
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }

  static std::string with_host(const std::string& authority, const Node& of) {
    if (authority.front() != ':') return authority;
    return of.authority.substr(0, of.authority.rfind(':')) + authority;
  }

  bool hear(Node& node, std::string& error) {
    for (size_t count = 1; count > 0;) {
      if (!node.receive(count, error)) return false;
      for (;;) {
        void* read = nullptr;
        if (redisReaderGetReply(node.reader.get(), &read) != REDIS_OK)
          return error = "it does not speak as Redis does", false;
        if (read == nullptr) break;
        Reply reply(static_cast<redisReply*>(read), freeReplyObject);
        node.unread = node.reader->len - node.reader->pos;
        if (node.waiting.empty()) return error = "it answers what was not asked", false;
        Request request = std::move(node.waiting.front());
        node.waiting.pop_front();
        if (!take(node, request, *reply, error)) return false;
      }
      if (node.unread > (node.reader->ridx > 0 ? kMostList : kMostReply))
        return error = "it answers with too much", false;
    }
    return true;
  }

  bool take(Node& node, Request& request, const redisReply& reply, std::string& error) {
    bool failed = reply.type == REDIS_REPLY_ERROR;
    if (request.ask == Ask::Slots) return failed || take_slots(node, reply, error);
    if (request.ask == Ask::Asking) return true;
    if (request.ask == Ask::Login) return !failed || (error = text_of(reply), false);
    if (failed && (request.ask == Ask::Get || request.ask == Ask::Put))
      if (std::optional<Redirection> to = parse_redirection(text_of(reply))) return follow(node, request, *to, error);
    --waiting_;
    if (request.ask == Ask::Size) {
      values_ = reply.type == REDIS_REPLY_INTEGER ? static_cast<uint64_t>(reply.integer) : kUncounted;
      bool may_not_ask = text_of(reply).substr(0, 7) == "NOPERM ";
      return !failed || may_not_ask || (error = text_of(reply), false);
    }
    if (request.ask == Ask::Memory) {
      requester_.counted(values_, used_memory(text_of(reply)));
      return true;
    }
    if (request.ask == Ask::Put) {
      requester_.settled(request.value.size(), !failed);
      return true;
    }
    bool is_value = reply.type == REDIS_REPLY_STRING && reply.len <= kMostCourierValue;
    if (failed && text_of(reply).substr(0, 9) != "WRONGTYPE") return error = text_of(reply), false;
    requester_.answer(request.number, is_value ? text_of(reply) : "");
    return true;
  }

  bool follow(Node& node, Request& request, const Redirection& to, std::string& error) {
    if (++request.hops > kMostHops) return error = "its cluster sends us in a circle", false;
    std::optional<size_t> found = find_node(with_host(to.authority, node), error);
    if (!found) return false;
    Node& next = *nodes_[*found];
    if (to.for_good) {
      slots_[to.slot] = *found;
      if (!knows_slots_) {
        next.write({"CLUSTER", "SLOTS"});
        next.waiting.push_back({Ask::Slots, 0, "", "", 0});
        knows_slots_ = true;
      }
    } else {
      next.write({"ASKING"});
      next.waiting.push_back({Ask::Asking, 0, "", "", 0});
    }
    send(next, std::move(request));
    return true;
  }

  // { first last { host port ... } ... }; what has another form is left to redirections.
  bool take_slots(Node& node, const redisReply& reply, std::string& error) {
    for (size_t i = 0; reply.type == REDIS_REPLY_ARRAY && i < reply.elements; ++i) {
      const redisReply& range = *reply.element[i];
      if (range.type != REDIS_REPLY_ARRAY || range.elements < 3) continue;
      const redisReply &first = *range.element[0], &last = *range.element[1], &master = *range.element[2];
      if (first.type != REDIS_REPLY_INTEGER || last.type != REDIS_REPLY_INTEGER || first.integer < 0 ||
          last.integer >= kRedisSlots || master.type != REDIS_REPLY_ARRAY || master.elements < 2 ||
          master.element[1]->type != REDIS_REPLY_INTEGER)
        continue;
      std::string_view host = text_of(*master.element[0]);
      std::optional<std::string> authority =
          redis_authority(host == "?" ? "" : host, std::to_string(master.element[1]->integer));
      if (!authority) continue;
      std::optional<size_t> found = find_node(with_host(*authority, node), error);
      if (!found) return false;
      for (long long slot = first.integer; slot <= last.integer; ++slot) slots_[static_cast<size_t>(slot)] = *found;
    }
    return true;
  }

  const RemoteOptions options_;
  Requester& requester_;
  TransferMaker transfers_;
  std::vector<std::unique_ptr<Node>> nodes_;  // the one of the URL first
  std::vector<size_t> slots_;                 // which of them has it, as far as we know
  bool knows_slots_ = false;
  uint64_t values_ = 0;  // that it has said
  size_t waiting_ = 0;
};

}  // namespace

std::unique_ptr<Remote> make_redis(const RemoteOptions& options, Requester& requester, std::string& error) {
  auto redis = std::make_unique<Redis>(options, requester);
  if (!redis->start(error)) return nullptr;
  return redis;
}

}  // namespace aotc
